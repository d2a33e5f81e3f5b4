//! What is invalidated while nobody hears it stays invalidated.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Poll;
use std::time::{Duration, Instant};

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, Error, EventKind, Route, Scope, cached, invalidate};
use tokio::sync::Notify;

use crate::support::{Events, settle};
use crate::{Far, Origin, item};

#[invalidate(item(id = id))]
async fn edit(id: u64, origin: &Origin) -> Result<(), Error> {
    let _ = id;
    origin.change();
    Ok(())
}

#[invalidate(item)]
async fn edit_every(origin: &Origin) -> Result<(), Error> {
    origin.change();
    Ok(())
}

#[invalidate(tags = ["items"])]
async fn edit_tagged(origin: &Origin) -> Result<(), Error> {
    origin.change();
    Ok(())
}

/// Ends entries in one of the ways there are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Key,
    Pattern,
    Tag,
    Clear,
    Handle,
    Purge,
}

const WAYS: [Way; 6] = [Way::Key, Way::Pattern, Way::Tag, Way::Clear, Way::Handle, Way::Purge];

impl Way {
    async fn go(self, far: &Far) {
        let way = async {
            match self {
                Self::Key => edit(7, &far.origin).await,
                Self::Pattern => edit_every(&far.origin).await,
                Self::Tag => edit_tagged(&far.origin).await,
                Self::Clear => {
                    far.origin.change();
                    far.cache.clear().await
                }
                Self::Handle => {
                    far.origin.change();
                    item::invalidate(7).await.map(drop)
                }
                Self::Purge => {
                    far.origin.change();
                    macadamia::purge!(item(id = 7)).await.map(drop)
                }
            }
        };
        far.run(way).await.unwrap();
    }
}

#[tokio::test]
async fn no_read_shows_what_was_invalidated_while_the_server_was_away() {
    for way in WAYS {
        let far = Far::new().await;
        assert_eq!(far.item(7).await, (7, 0));
        far.away(true);
        way.go(&far).await;
        assert_eq!(far.item(7).await, (7, 1), "{way:?}: while it is away");
        far.away(false);
        far.until_up().await;
        far.until("it is stored", || async {
            assert_eq!(far.item(7).await, (7, 1), "{way:?}");
            let runs = far.origin.runs();
            far.item(7).await;
            far.origin.runs() == runs
        })
        .await;
        assert_eq!(far.events.count(EventKind::InvalidationsDone), 1, "{way:?}");
    }
}

#[tokio::test]
async fn others_lose_it_too_when_the_server_can_be_reached_again_and_nobody_calls() {
    for way in WAYS {
        let far = Far::new().await;
        let elsewhere = far.elsewhere().await;
        far.item(7).await;
        far.away(true);
        way.go(&far).await;
        let others = || async { Scope::new().cache(&elsewhere).run(item(7, &far.origin)).await.1 };
        assert_eq!(others().await, 0, "{way:?}: nobody could tell them");
        far.away(false);
        far.until("the others see it", || async { others().await == 1 }).await;
    }
}

#[tokio::test]
async fn where_the_server_permits_no_removal_nothing_is_read_that_was_to_be_removed() {
    let far = Far::new().await;
    far.item(7).await;
    far.item(8).await;
    for verb in ["delete", "delete_many", "delete_match"] {
        far.faults.fail_verb(verb, Some(Error::backend("NOPERM")));
    }
    far.run(edit(7, &far.origin)).await.unwrap();
    assert_eq!(far.events.count(EventKind::NotInvalidated), 1);
    for _ in 0..5 {
        assert_eq!(far.item(7).await, (7, 1));
    }
    assert_eq!(far.item(8).await, (8, 0));
    far.run(edit_every(&far.origin)).await.unwrap();
    assert_eq!(far.item(8).await, (8, 2));
    assert!(far.cache.delete("item:7").await.unwrap_err().to_string().contains("NOPERM"));
    assert!(far.cache.delete_match("item:*").await.unwrap_err().to_string().contains("NOPERM"));
    assert_eq!(far.events.count(EventKind::BackendDown), 0);
    for verb in ["delete", "delete_many", "delete_match"] {
        far.faults.fail_verb(verb, None);
    }
    far.until("they are done", || async { far.events.count(EventKind::InvalidationsDone) == 1 }).await;
    assert!(far.wire.stored("item:8").is_none());
}

#[tokio::test]
async fn more_than_is_kept_ends_everything_of_the_route_and_nothing_of_others() {
    let (wire, faults, clock) = (Wire::new(), Faults::new(), ManualClock::new());
    let builder = Cache::builder().route("a:", Route::to(faults.wrap(wire.clone())).key_prefix("svc"));
    let events = Events::default();
    let builder = builder.route("", wire.clone()).clock(clock.clone()).observer(events.clone());
    let cache = builder.build().await.unwrap();
    for key in ["a:1", "fail:a:1", "b:1", "svc:a:1"] {
        cache.set(key, "old").await.unwrap();
    }
    let lock = cache.lock("a:1", "1h").await.unwrap();
    faults.fail(Some(Error::unavailable("wire", "connection refused")));
    for number in 0..=10_000 {
        assert!(!cache.delete(format!("a:x{number}")).await.unwrap());
    }
    faults.fail(None);
    let far = Far { cache, wire, faults, clock, events, origin: Arc::default() };
    far.until("it is done", || async { far.events.count(EventKind::InvalidationsDone) == 1 }).await;
    let there = async |key: &str| far.cache.exists(key).await.unwrap();
    assert!(!there("a:1").await && !there("fail:a:1").await, "what was kept went with the rest");
    assert!(there("b:1").await, "it is of another route");
    assert!(far.cache.is_locked("a:1").await.unwrap(), "nobody asked for locks to be freed");
    drop(lock);
}

#[tokio::test]
async fn what_was_being_computed_before_is_not_stored_after() {
    static GO: Notify = Notify::const_new();

    #[cached(ttl = "1h", key = "slow")]
    async fn slow(origin: &Origin) -> usize {
        let seen = origin.version.load(SeqCst);
        if seen == 0 {
            GO.notified().await;
        }
        seen
    }

    for is_back_first in [true, false] {
        let far = Far::new().await;
        let origin = Arc::clone(&far.origin);
        let old = tokio::spawn(Scope::new().cache(&far.cache).run(async move { slow(&origin).await }));
        settle().await;
        far.away(true);
        far.origin.change();
        assert!(!far.cache.delete("slow").await.unwrap());
        far.away(false);
        if is_back_first {
            far.until_up().await;
        }
        GO.notify_one();
        assert_eq!(old.await.unwrap(), 0, "who asked before gets what was computed");
        far.until_up().await;
        assert_eq!(far.cache.get::<usize>("slow").await.unwrap(), None, "it was stored");
        assert_eq!(far.run(slow(&far.origin)).await, 1);
        assert_eq!(far.cache.get::<usize>("slow").await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn an_entry_near_is_not_shown_while_its_removal_is_kept() {
    let (wire, faults, clock) = (Wire::new(), Faults::new(), ManualClock::new());
    let listener = wire.listener();
    let cache = Cache::builder().route("", faults.wrap(listener.clone())).clock(clock.clone());
    let cache = cache.build().await.unwrap();
    cache.set("k", "old").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("old"));
    assert_eq!(listener.len(), 1, "it is near");
    faults.fail(Some(Error::unavailable("wire", "connection reset")));
    assert!(!cache.set("other", "v").await.unwrap());
    assert_eq!(
        cache.get::<String>("k").await.unwrap().as_deref(),
        Some("old"),
        "what is near is there still"
    );
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    assert_eq!(cache.get_many::<String, _>(["k"]).await.unwrap(), [None]);
}

/// A route that is cleared in several steps: because its keys begin so, or because its backend's do.
async fn in_parts(faults: &Faults, wire: &Wire, clock: &ManualClock, is_space: bool) -> Cache {
    let route = Route::to(faults.wrap(wire.clone()));
    let builder = if is_space {
        Cache::builder().route("", route.key_prefix("app"))
    } else {
        Cache::builder().route("app:", route)
    };
    builder.clock(clock.clone()).build().await.unwrap()
}

#[tokio::test]
async fn what_is_cleared_in_several_steps_is_kept_as_a_whole() {
    for (is_space, hangs) in [(false, false), (true, false), (false, true), (true, true)] {
        let (wire, faults, clock) = (Wire::new(), Faults::new(), ManualClock::new());
        let cache = in_parts(&faults, &wire, &clock, is_space).await;
        let key = if is_space { "k" } else { "app:k" };
        cache.set(key, "old").await.unwrap();
        assert!(wire.stored("app:k").is_some());
        if hangs {
            // Begun, and given up on in the middle of the first step.
            faults.hang(true);
            let mut clear = Box::pin(cache.clear());
            assert!(poll_once(&mut clear).await.is_none());
        } else {
            faults.fail(Some(Error::unavailable("wire", "connection refused")));
            cache.clear().await.unwrap();
        }
        faults.hang(false);
        faults.fail(None);
        assert_eq!(cache.get::<String>(key).await.unwrap(), None, "{is_space} {hangs}");
        let deadline = Instant::now() + Duration::from_secs(20);
        while wire.stored("app:k").is_some() {
            assert!(Instant::now() < deadline, "{is_space} {hangs}: it is there still");
            let _ = cache.ping("").await;
            clock.advance(Duration::from_millis(20));
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_step_that_is_refused_keeps_no_other_from_being_done_and_is_told() {
    for is_space in [false, true] {
        let (wire, faults, clock) = (Wire::new(), Faults::new(), ManualClock::new());
        let cache = in_parts(&faults, &wire, &clock, is_space).await;
        cache.set(if is_space { "k" } else { "app:k" }, "old").await.unwrap();
        faults.fail_verb("delete_match", Some(Error::backend("not permitted")));
        let before = faults.commands();
        assert!(cache.clear().await.is_err());
        assert_eq!(faults.commands() - before, 8, "one for the values, and one for each kind of guard");
    }
}

#[tokio::test]
async fn a_clear_that_is_done_late_frees_no_lock_that_somebody_took_meanwhile() {
    let far = Far::new().await;
    let there = far.elsewhere().await;
    far.cache.set("k", "old").await.unwrap();
    far.away(true);
    far.cache.clear().await.unwrap();
    let held = there.lock("job", "5m").await.unwrap();
    far.away(false);
    far.until_up().await;
    far.until("it is cleared", || async { far.wire.stored("k").is_none() }).await;
    far.until("all of it is done", || async { far.events.count(EventKind::InvalidationsDone) == 1 }).await;
    assert!(there.is_locked("job").await.unwrap(), "the lock was freed");
    drop(held);
}

#[tokio::test]
async fn a_tag_whose_removal_is_kept_is_in_the_way_of_what_carries_it_alone() {
    let far = Far::with(|route| route.suppress(false)).await;
    far.cache.set("tagged", &1).tags(["t"]).await.unwrap();
    far.cache.set("other", &1).tags(["u"]).await.unwrap();
    far.faults.fail_verb("delete_tags", Some(Error::backend("not permitted")));
    assert!(far.cache.delete_tags(["t"]).await.is_err());
    for sum in [2, 3] {
        assert_eq!(far.cache.incr("other").await.unwrap(), sum);
        assert_eq!(far.cache.incr("plain").await.unwrap(), sum - 1);
        assert!(far.cache.expire("plain", "1h").await.unwrap());
    }
    assert!(far.cache.incr("tagged").await.is_err());
    far.faults.fail_verb("delete_tags", None);
    far.until("it is counted anew", || async { far.cache.incr("tagged").await.is_ok_and(|sum| sum == 1) })
        .await;
}

/// What the future comes to at once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
