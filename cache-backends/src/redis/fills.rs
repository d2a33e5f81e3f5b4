//! Rights to store what is being computed, by whoever reaches the server.

use std::sync::Arc;

use cache_core::{Error, Fill, Key, Result};
use redis::Value;

use super::link::Lane;
use super::store::{Store, bytes};
use super::{fault, names, scripts};

/// How long a right lies around that nobody gives back, in milliseconds: ten minutes after it was last joined.
const ABANDONED: u64 = 600_000;

impl Store {
    pub(super) async fn begin_fill(&self, key: &Key) -> Result<Fill> {
        let nonce = fastrand::u64(..).to_le_bytes();
        let name = names::fill(bytes(key));
        let kept = ABANDONED.to_string();
        let args: [&[u8]; 2] = [&nonce, kept.as_bytes()];
        match self.link.run(Lane::Write, "begin_fill", &scripts::BEGIN_FILL, &[&name], &args).await? {
            Value::BulkString(nonce) => nonce
                .try_into()
                .map(|nonce| Fill(u64::from_le_bytes(nonce)))
                .map_err(|_| Error::backend("a right to fill is damaged")),
            other => Err(fault::unexpected("a right to fill", &other)),
        }
    }

    /// Not waited for; one that does not arrive is given back by time.
    pub(super) fn end_fill(&self, key: &Key, Fill(nonce): Fill) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (link, name) = (Arc::clone(&self.link), names::fill(bytes(key)));
        runtime.spawn(async move {
            let nonce = nonce.to_le_bytes();
            let _ = link.run(Lane::Write, "end_fill", &scripts::END_FILL, &[&name], &[&nonce]).await;
        });
    }
}
