//! Functions that are computed anew beside a call: what their bodies saw, and where they ran.

use super::{Fixture, settle};
use std::fmt;
use std::time::Duration;

/// What a body saw, and whether it ran in a task of its own.
pub type Seen = (String, bool);

/// The tests call from no task at all.
pub async fn seen(what: impl fmt::Debug) -> Seen {
    let seen = (format!("{what:?}"), tokio::task::try_id().is_some());
    tokio::task::yield_now().await;
    seen
}

/// What the body saw in the call, if it saw the same in a refresh beside a later one.
pub async fn beside(call: impl AsyncFn() -> Seen) -> String {
    let mut all = Vec::new();
    for fixture in Fixture::each().await {
        let (there, again) = fixture
            .run(async {
                let first = call().await;
                fixture.clock.advance(Duration::from_secs(30));
                assert_eq!(call().await, first, "the caller waited");
                settle().await;
                (first, call().await)
            })
            .await;
        assert_eq!((there.1, again.1), (false, true), "where it was computed");
        assert_eq!(there.0, again.0, "the refresh saw something else");
        assert_eq!(fixture.cache.in_flight(), 0);
        all.push(again.0);
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}
