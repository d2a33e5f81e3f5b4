//! One connection through the proxy.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::pump::{self, End};
use super::{Mode, State};

/// Carries bytes until either side ends, or the connection is cut.
pub(super) async fn run(mut client: TcpStream, state: &State, mut cut: watch::Receiver<u64>) {
    let _ = client.set_nodelay(true);
    let mut mode = state.mode.subscribe();
    let end = tokio::select! {
        biased;
        _ = cut.changed() => End::Reset,
        _ = mode.wait_for(|mode| *mode == Mode::Reset) => End::Reset,
        end = carry(&mut client, state) => end,
    };
    if end == End::Reset {
        let _ = client.set_zero_linger();
    }
}

async fn carry(client: &mut TcpStream, state: &State) -> End {
    if *state.mode.borrow() == Mode::BlackHole {
        return swallow(client).await;
    }
    let Ok(mut server) = TcpStream::connect(&state.upstream).await else { return End::Reset };
    let _ = server.set_nodelay(true);
    let (client_says, client_hears) = client.split();
    let (server_says, server_hears) = server.split();
    let end = tokio::select! {
        end = pump::commands(client_says, server_hears, state) => end,
        end = pump::replies(server_says, client_hears, state) => end,
    };
    match end {
        End::Lost => swallow(client).await,
        end => end,
    }
}

/// Bytes go in, and nothing comes out.
async fn swallow(client: &mut TcpStream) -> End {
    let mut buffer = vec![0; 16 * 1024];
    while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    End::Closed
}
