//! The beginning and the end of the service.

use std::error::Error;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use macadamia::Cache;
use tokio::net::TcpListener;

use super::web::{self, Shared};
use super::world::World;

/// What may be different from one machine to the next.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where to listen on this machine; 0 is any free port.
    pub(crate) port: Option<u16>,
    pub(crate) cache: String,
    pub(crate) table: Option<PathBuf>,
    pub(crate) drain: Duration,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Ok(Self {
            port: var("PORT").map(|port| port.parse()).transpose()?,
            cache: var("CACHE_URL").unwrap_or_else(|| "mem://".to_owned()),
            table: var("TABLE").map(PathBuf::from),
            drain: Duration::try_from_secs_f64(var("DRAIN").map_or(Ok(1.0), |seconds| seconds.parse())?)?,
        })
    }
}

/// A service that listens.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
    shared: Shared,
    drain: Duration,
}

/// The longest wait for who is still being served when it ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listens, with a cache that annotated functions use from here on. A server that is down is no reason not to begin:
/// the cache is connected when it is first needed.
pub(crate) async fn open(settings: &Settings) -> Result<Server, Box<dyn Error>> {
    let cache = Cache::builder().route("", settings.cache.as_str()).build().await?;
    cache.clone().install()?;
    let world = World::open(settings.table.as_deref())?;
    let listener = TcpListener::bind(("127.0.0.1", settings.port.unwrap_or(0))).await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    let shared = Shared { world, cache, leaving: std::sync::Arc::default() };
    Ok(Server { address, listener, shared, drain: settings.drain })
}

impl Server {
    /// Serves until `stop` comes. Then it says so wherever it is asked, in `/health` too, and goes on serving for a
    /// while, so that whoever distributes requests sends no more; then it no longer listens, what is under way is
    /// finished, and the cache is closed.
    pub(crate) async fn run(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Box<dyn Error>> {
        let Self { listener, shared, drain, .. } = self;
        let (cache, leaving) = (shared.cache.clone(), shared.leaving.clone());
        let (shut, is_shut) = tokio::sync::oneshot::channel();
        let stop = async move {
            stop.await;
            println!("leaving");
            leaving.store(true, SeqCst);
            tokio::time::sleep(drain).await;
            let _ = shut.send(());
        };
        let served = axum::serve(listener, web::router(shared)).with_graceful_shutdown(stop);
        let too_long = async {
            match is_shut.await {
                Ok(()) => tokio::time::sleep(PATIENCE).await,
                Err(_) => pending().await,
            }
        };
        tokio::select! {
            served = served => served?,
            () = too_long => println!("somebody is still being served, and is left"),
        }
        cache.close().await?;
        println!("closed");
        Ok(())
    }
}

/// Until this process is told to stop: by ctrl-c, or by whoever supervises it.
pub(crate) async fn until_told() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut told) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = told.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
