//! A wire on which the first connection can be held up, and no other.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// What was sent on the first connection while it was held arrives when it is let go, also when its sender has gone.
pub(crate) struct Relay {
    pub(crate) port: u16,
    is_held: watch::Sender<bool>,
    first: oneshot::Receiver<()>,
}

impl Relay {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_held = watch::Sender::new(false);
        let (done, first) = oneshot::channel();
        let mut of_first = Some((is_held.subscribe(), done));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = upstream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                tokio::spawn(pass(from_client, to_server, of_first.take()));
            }
        });
        Self { port, is_held, first }
    }

    pub(crate) fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Returns when all of it has gone to the server, or the server would not have it.
    pub(crate) async fn let_go(self) {
        self.is_held.send_replace(false);
        self.first.await.unwrap();
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut first: Option<(watch::Receiver<bool>, oneshot::Sender<()>)>,
) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if let Some((is_held, _)) = &mut first {
            is_held.wait_for(|is_held| !is_held).await.unwrap();
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
    if let Some((_, done)) = first {
        let _ = done.send(());
    }
}
