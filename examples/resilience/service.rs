//! The service: a line of text in, a line of text out, or whatever its mood is.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the service treats whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    /// `ok` and a number, which grows with every answer.
    #[default]
    Answers,
    /// The same, a while later.
    Slow,
    /// Closes the connection without a word.
    HangsUp,
    /// Says that it is busy.
    Refuses,
}

/// How many requests came, by the first word of each.
pub(crate) type Requests = HashMap<String, usize>;

/// How long a slow answer takes.
const A_WHILE: Duration = Duration::from_millis(80);

/// A listener on a free port of this machine; gone when dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    desk: Arc<Desk>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    mood: Mutex<Mood>,
    requests: Mutex<Requests>,
    answers: AtomicU32,
}

impl Service {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, desk) = (listener.local_addr()?, Arc::<Desk>::default());
        let served = Arc::clone(&desk);
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let served = Arc::clone(&served);
                // Whoever went away meanwhile needs no answer.
                tokio::spawn(async move { drop(served.serve(connection).await) });
            }
        });
        Ok(Self { address, desk, listening })
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *lock(&self.desk.mood) = mood;
    }

    /// What has reached it since this was asked last.
    pub(crate) fn requests(&self) -> Requests {
        std::mem::take(&mut *lock(&self.desk.requests))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Desk {
    async fn serve(&self, mut connection: TcpStream) -> io::Result<()> {
        let mut question = String::new();
        BufReader::new(&mut connection).read_line(&mut question).await?;
        let word = question.split_whitespace().next().unwrap_or_default();
        *lock(&self.requests).entry(word.to_owned()).or_default() += 1;
        let mood = *lock(&self.mood);
        match mood {
            Mood::HangsUp => return Ok(()),
            Mood::Refuses => return connection.write_all(b"busy\n").await,
            Mood::Slow => tokio::time::sleep(A_WHILE).await,
            Mood::Answers => {}
        }
        let answer = self.answers.fetch_add(1, SeqCst) + 1;
        connection.write_all(format!("ok {answer}\n").as_bytes()).await
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
