//! Who listens, and when.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Mode, Order, State, connection};

type Orders = UnboundedReceiver<(Order, SyncSender<()>)>;

/// Accepts and obeys until nobody gives orders any more.
pub(super) async fn run(port: u16, state: Arc<State>, mut orders: Orders) {
    let mut listener = None;
    let mut flapping = None;
    loop {
        // An order is done when its sender hears so: not before the listener is there, or gone.
        let (mode, cut, done) = tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some((Order::Set(Mode::Flap(period)), done)) => {
                    flapping = Some((period, Instant::now() + period));
                    (Some(Mode::Refuse), true, Some(done))
                }
                Some((Order::Set(mode), done)) => {
                    flapping = None;
                    (Some(mode), false, Some(done))
                }
                Some((Order::Cut, done)) => (None, true, Some(done)),
                None => return,
            },
            period = turn(flapping) => {
                flapping = Some((period, Instant::now() + period));
                let down = *state.mode.borrow() == Mode::Pass;
                (Some(if down { Mode::Refuse } else { Mode::Pass }), down, None)
            }
            accepted = accept(listener.as_ref()) => {
                welcome(accepted, &state);
                continue;
            }
        };
        if let Some(mode) = mode {
            state.mode.send_replace(mode);
            listener = match listener.take() {
                Some(listener) if mode == Mode::Refuse => close(listener, &state),
                None if mode != Mode::Refuse => Some(listen(port).await),
                as_it_was => as_it_was,
            };
        }
        if cut {
            state.cut.send_modify(|cuts| *cuts += 1);
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// Who has connected already is not refused.
fn close(listener: TcpListener, state: &Arc<State>) -> Option<TcpListener> {
    let listener = listener.into_std().ok()?;
    while let Ok((client, _)) = listener.accept() {
        if client.set_nonblocking(true).is_ok()
            && let Ok(client) = TcpStream::from_std(client)
        {
            welcome(client, state);
        }
    }
    None
}

fn welcome(client: TcpStream, state: &Arc<State>) {
    state.accepted.fetch_add(1, Ordering::SeqCst);
    state.open.fetch_add(1, Ordering::SeqCst);
    let state = Arc::clone(state);
    // Told of a cut from here on, not from when the task first runs.
    let cut = state.cut.subscribe();
    tokio::spawn(async move {
        connection::run(client, &state, cut).await;
        state.open.fetch_sub(1, Ordering::SeqCst);
    });
}

/// The end of a phase of flapping; never, where nothing flaps.
async fn turn(flapping: Option<(Duration, Instant)>) -> Duration {
    match flapping {
        Some((period, next)) => {
            sleep_until(next).await;
            period
        }
        None => std::future::pending().await,
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((client, _)) => return client,
            Err(_) => sleep(Duration::from_millis(5)).await, // such as no file descriptor left
        }
    }
}

/// The port was this proxy's before: somebody else has it for a moment only, if at all.
async fn listen(port: u16) -> TcpListener {
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return listener,
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}
