//! The wire between a test and a server, and all that can go wrong with it.

mod connection;
mod frame;
mod listener;
mod mode;
mod pump;
mod swap;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

pub use mode::Mode;

use crate::ports;

/// A port of 127.0.0.1 behind which is a server, or what [`Mode`] makes of it.
///
/// Its modes hold from when [`set`](Self::set) returns, also for connections there are, whose bytes come late or
/// never. It runs in a thread of its own: tests need no runtime, and a runtime whose clock stands still does not
/// hold it up.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
    orders: mpsc::UnboundedSender<(Order, SyncSender<()>)>,
    runtime: Option<Runtime>,
}

/// What connections see.
#[derive(Debug)]
struct State {
    upstream: String,
    mode: watch::Sender<Mode>,
    /// Moves when the connections there are end.
    cut: watch::Sender<u64>,
    accepted: AtomicU64,
    swapped: AtomicU64,
    open: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Set(Mode),
    Cut,
}

impl Proxy {
    /// A proxy that leads to `upstream`, such as [`Redis::address`](crate::Redis::address).
    ///
    /// # Panics
    ///
    /// When there is no thread or no port for it.
    pub fn start(upstream: &str) -> Self {
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            mode: watch::Sender::new(Mode::Pass),
            cut: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            swapped: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("proxy")
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no thread for a proxy: {error}"));
        let (orders, ordered) = mpsc::unbounded_channel();
        let port = ports::free();
        runtime.spawn(listener::run(port, Arc::clone(&state), ordered));
        let proxy = Self { port, state, orders, runtime: Some(runtime) };
        proxy.set(Mode::Pass); // returns when it listens
        proxy
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What clients connect to: `127.0.0.1:11222`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What clients connect to: `redis://127.0.0.1:11222`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on it is so.
    pub fn set(&self, mode: Mode) {
        self.order(Order::Set(mode));
    }

    /// Resets the connections there are; new ones are welcome if the mode says so.
    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    /// As if the server had died: connections are reset, and refused until [`set`](Self::set) says otherwise.
    pub fn down(&self) {
        self.set(Mode::Refuse);
        self.cut();
    }

    /// How many connections were accepted, whatever became of them.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// How many pairs of replies [`Mode::Swap`] has swapped.
    pub fn swapped(&self) -> u64 {
        self.state.swapped.load(Ordering::SeqCst)
    }

    fn order(&self, order: Order) {
        let (done, wait) = sync_channel(1);
        let heard = self.orders.send((order, done)).is_ok() && wait.recv().is_ok();
        assert!(heard, "the proxy at {} is dead", self.port);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Waiting for the thread is not allowed where a test is itself on a runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
