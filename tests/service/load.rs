//! Clients that ask all the time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::client::Client;
use super::support::process::PATIENCE;

/// Clients that ask all the time, until they are asked to leave.
pub(crate) struct Load {
    clients: Vec<JoinHandle<()>>,
    answered: Arc<AtomicU64>,
}

impl Load {
    /// Each with a connection that it keeps, asking for products and for what takes long.
    pub(crate) fn on(address: SocketAddr, clients: u64) -> Self {
        let answered = Arc::<AtomicU64>::default();
        let clients = (0..clients).map(|client| {
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let mut connection = Client::of(address);
                for round in 0_u64.. {
                    let path = match round % 20 {
                        19 => format!("/reports/{client}"),
                        _ => format!("/products/{}", 1 + (client + round) % 50),
                    };
                    let reply = connection.get(&path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
                    assert_eq!(reply.status, 200, "{path}: {reply:?}");
                    answered.fetch_add(1, SeqCst);
                    if reply.header("connection") == Some("close") {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        });
        Self { clients: clients.collect(), answered }
    }

    /// Waits for so many more answers.
    pub(crate) async fn more(&self, answers: u64) {
        let (deadline, until) = (Instant::now() + PATIENCE, self.answered.load(SeqCst) + answers);
        while self.answered.load(SeqCst) < until {
            assert!(Instant::now() < deadline, "no more answers");
            self.all_well();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn all_well(&self) {
        assert!(self.clients.iter().all(|client| !client.is_finished()), "a client was not answered");
    }

    pub(crate) async fn left(self) {
        for client in self.clients {
            client.await.unwrap();
        }
    }
}
