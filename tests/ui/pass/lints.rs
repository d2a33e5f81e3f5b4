//! What the attributes print passes the strictest lints of the crate it stands in.
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, unsafe_code, single_use_lifetimes)]
#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

use macadamia::{KeyPart, cached, fail, invalidate, rate_limit};

/// Who asks.
#[derive(Debug, KeyPart)]
pub(crate) enum Asker {
    /// Nobody in particular.
    Anyone,
    /// A user by number.
    User(u64),
}

/// The answer to everything.
#[cached(ttl = "3h", key = "answer:<asker>", jitter = "10%", err_ttl = "5s")]
pub(crate) async fn answer(asker: &Asker) -> Result<u64, String> {
    match asker {
        Asker::Anyone => Err("who asks?".to_owned()),
        Asker::User(id) => Ok(*id),
    }
}

/// Nobody may remember it.
#[invalidate(answer(asker = Asker::User(id)), "answer:<id>:*")]
pub(crate) async fn forget(id: u64) -> bool {
    id > 0
}

/// Not everybody at once.
#[cached(ttl = "3h", key = "rare:<id>")]
#[rate_limit(limit = 2, period = "1m", ttl = "1h", skip(id), when = id > 0)]
#[rate_limit(limit = 2, period = "1m", algorithm = "sliding")]
pub(crate) async fn rare(id: u64) -> macadamia::Result<u64> {
    Ok(id)
}

/// The last good one.
#[fail(ttl = "3h", key = "last:<id>", errors = macadamia::Error::Locked)]
#[rate_limit(limit = 2, period = "1m")]
pub(crate) async fn last(id: u64) -> macadamia::Result<u64> {
    Ok(id)
}

pub(crate) async fn run() {
    assert!(last(7).await.is_ok());
    assert!(rare(7).await.is_ok());
    assert_eq!(answer(&Asker::User(7)).await, Ok(7));
    assert!(answer(&Asker::Anyone).await.is_err());
    assert!(forget(7).await);
}
