//! What the service does, and what stands around it. Nothing here knows where the cache is.

use std::io;
use std::sync::Arc;

use macadamia::{cached, circuit_breaker, early, invalidate, locked, rate_limit};
use serde::{Deserialize, Serialize};

use super::world::World;

/// A row of the table, and which process has read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) read_by: u32,
}

/// Of everybody who asks for a product that is not there yet, in whatever process, one queries the table. That there
/// is none is remembered as well, for a moment.
#[cached(ttl = "10m", key = "product:<id>", tags = ["catalogue"], lock = true, none_ttl = "2s")]
pub(crate) async fn product(world: &World, id: u64) -> Result<Option<Product>, Failure> {
    let name = world.name_of(id).await?;
    Ok(name.map(|name| Product { id, name, read_by: std::process::id() }))
}

/// One at a time for a product. When it has succeeded, nobody reads the old name any more.
#[locked(key = "product:<id>", wait = "5s")]
#[invalidate(product(id = id))]
pub(crate) async fn rename(world: &World, id: u64, name: &str) -> Result<(), Failure> {
    Ok(world.rename(id, name).await?)
}

/// A new season ends every product that is kept, however many there are.
#[invalidate(tags = ["catalogue"])]
pub(crate) async fn new_season() {}

/// What takes so long that nobody should wait for it twice.
#[cached(ttl = "5s", key = "report:<month>", lock = true)]
pub(crate) async fn report(world: &World, month: u32) -> Result<usize, Failure> {
    Ok(world.count().await?)
}

/// The supplier's rates: nobody waits for new ones while there are some, and they stay while the supplier is down.
#[early(ttl = "1m", early_ttl = "1s", key = "rates")]
pub(crate) async fn rates(world: &World) -> Result<u64, Failure> {
    world.ask_supplier().await.map_err(Failure::supplier)
}

/// The supplier's offer, as it is now. A supplier who is down is left alone.
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "1s", min_calls = 4, errors = Failure::Supplier(_))]
pub(crate) async fn offer(world: &World) -> Result<u64, Failure> {
    world.ask_supplier().await.map_err(Failure::supplier)
}

/// A search costs the table more than it likes: ten for each client within any ten seconds.
#[rate_limit(limit = 10, period = "10s", key = "search:<client>", algorithm = "sliding")]
pub(crate) async fn search(world: &World, client: &str, words: &str) -> Result<Option<String>, Failure> {
    Ok(world.name_of(words.len() as u64).await?)
}

/// Why there is no answer. It can be cloned, so that all who wait for one query have its error.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Table(Arc<io::Error>),
    Supplier(Arc<io::Error>),
    /// Nothing was asked: a limit, a breaker or a lock said no.
    Refused(macadamia::Error),
}

impl Failure {
    fn supplier(error: io::Error) -> Self {
        Self::Supplier(Arc::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Table(Arc::new(error))
    }
}

impl From<macadamia::Error> for Failure {
    fn from(error: macadamia::Error) -> Self {
        Self::Refused(error)
    }
}
