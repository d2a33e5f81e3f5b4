//! One direction of a connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{Instant, sleep, sleep_until};

use super::swap::Pairs;
use super::{Mode, State, frame};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All that was sent has arrived.
    Closed,
    /// With RST.
    Reset,
    /// It does not: it stays, and nothing arrives any more.
    Lost,
}

/// Bytes, and when they are due.
type Chunk = (Instant, Vec<u8>);

/// From the client to the server.
pub(super) async fn commands(from: ReadHalf<'_>, mut to: WriteHalf<'_>, state: &State) -> End {
    let (chunks, mut due) = mpsc::unbounded_channel();
    let write = async {
        while let Some(chunk) = due.recv().await {
            match arrival(chunk, state).await {
                Ok(bytes) if to.write_all(&bytes).await.is_ok() => {}
                Ok(_) => return End::Reset,
                Err(end) => return end,
            }
        }
        End::Closed
    };
    tokio::select! {
        end = read(from, chunks, state) => end,
        end = write => end,
    }
}

/// From the server to the client.
pub(super) async fn replies(from: ReadHalf<'_>, mut to: WriteHalf<'_>, state: &State) -> End {
    let (chunks, mut due) = mpsc::unbounded_channel();
    let mut pairs = Pairs::default();
    let write = async {
        loop {
            let chunk = tokio::select! {
                chunk = due.recv() => chunk,
                alone = pairs.alone() => {
                    if to.write_all(&alone).await.is_err() {
                        return End::Reset;
                    }
                    continue;
                }
            };
            let Some(chunk) = chunk else { return End::Closed };
            let bytes = match arrival(chunk, state).await {
                Ok(bytes) => bytes,
                Err(end) => return end,
            };
            let mode = *state.mode.borrow();
            if mode != Mode::Swap && to.write_all(&pairs.rest()).await.is_err() {
                return End::Reset;
            }
            let written = match mode {
                Mode::Trickle(pause) => trickle(&mut to, &bytes, pause).await,
                Mode::Garbage => to.write_all(b"\0no reply begins so\r\n").await,
                Mode::Truncate => {
                    let reply = frame::length(&bytes).unwrap_or(bytes.len());
                    let _ = to.write_all(&bytes[..reply / 2]).await;
                    let _ = to.shutdown().await;
                    return End::Closed;
                }
                Mode::Swap => to.write_all(&pairs.swap(bytes, state)).await,
                _ => to.write_all(&bytes).await,
            };
            if written.is_err() {
                return End::Reset;
            }
        }
    };
    tokio::select! {
        end = read(from, chunks, state) => end,
        end = write => end,
    }
}

/// Hands on what comes; at the end the channel closes, and who writes ends when all is written.
async fn read(mut from: ReadHalf<'_>, chunks: UnboundedSender<Chunk>, state: &State) -> End {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return End::Reset };
        if read == 0 {
            break;
        }
        let late = match *state.mode.borrow() {
            Mode::Slow(late) => late,
            _ => Duration::ZERO,
        };
        let _ = chunks.send((Instant::now() + late, buffer[..read].to_vec()));
    }
    drop(chunks);
    std::future::pending().await
}

/// The bytes when they may arrive.
async fn arrival((when, bytes): Chunk, state: &State) -> Result<Vec<u8>, End> {
    sleep_until(when).await;
    let mut mode = state.mode.subscribe();
    let _ = mode.wait_for(|mode| *mode != Mode::Hold).await;
    if *mode.borrow() == Mode::BlackHole { Err(End::Lost) } else { Ok(bytes) }
}

async fn trickle(to: &mut WriteHalf<'_>, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte]).await?;
        sleep(pause).await;
    }
    Ok(())
}
