//! What is invalidated while nobody hears it stays invalidated.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use macadamia::Scope;

use crate::{Far, cache, edit, edit_every, edit_tagged, item, until};

/// Ends entries in one of the ways there are.
#[derive(Debug, Clone, Copy)]
enum Way {
    Key,
    Pattern,
    Tag,
    Clear,
}

const WAYS: [Way; 4] = [Way::Key, Way::Pattern, Way::Tag, Way::Clear];

impl Way {
    async fn go(self, far: &Far) {
        match self {
            Self::Key => edit(7, &far.origin).await.unwrap(),
            Self::Pattern => edit_every(&far.origin).await.unwrap(),
            Self::Tag => edit_tagged(&far.origin).await.unwrap(),
            Self::Clear => {
                far.origin.version.fetch_add(1, SeqCst);
                // Whether it says so or not: it is kept.
                let _ = far.cache.clear().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_shows_what_was_invalidated_while_the_server_was_away() {
    for way in WAYS {
        let far = Far::new().await;
        far.run(async {
            assert_eq!(item(7, &far.origin).await, (7, 0));
            far.proxy.down();
            way.go(&far).await;
            assert_eq!(item(7, &far.origin).await, (7, 1), "{way:?}: while it is away");
            far.proxy.set(macadamia_test_servers::Mode::Pass);
            let (began, mut runs) = (Instant::now(), far.origin.runs());
            loop {
                assert_eq!(item(7, &far.origin).await, (7, 1), "{way:?}: after {:?}", began.elapsed());
                let now = far.origin.runs();
                if now == runs && began.elapsed() > Duration::from_millis(500) {
                    break;
                }
                runs = now;
                assert!(began.elapsed() < Duration::from_secs(20), "{way:?}: no hits again");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_lose_it_too_when_the_server_can_be_reached_again() {
    for way in WAYS {
        let far = Far::new().await;
        let (other, _) = cache(&far.server.url()).await;
        far.run(item(7, &far.origin)).await;
        far.proxy.down();
        far.run(way.go(&far)).await;
        let others = || async { Scope::new().cache(&other).run(item(7, &far.origin)).await.1 };
        assert_eq!(others().await, 0, "{way:?}: nobody could tell them");
        far.proxy.set(macadamia_test_servers::Mode::Pass);
        // Somebody calls: then it is looked whether the server is back.
        until("the others see it", || async {
            far.run(item(1, &far.origin)).await;
            others().await == 1
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_invalidations_than_are_kept_end_everything() {
    let far = Far::new().await;
    far.run(async {
        for id in 0..20 {
            item(id, &far.origin).await;
        }
        far.proxy.down();
        far.origin.version.fetch_add(1, SeqCst);
        for id in 0..12_000 {
            let _ = far.cache.delete(format!("item:{}", 19_999 - id)).await;
        }
        far.proxy.set(macadamia_test_servers::Mode::Pass);
        until("hits again", || async {
            let before = far.origin.runs();
            for id in 0..20 {
                assert_eq!(item(id, &far.origin).await.1, 1);
            }
            far.origin.runs() == before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_computed_before_is_not_stored_after() {
    use macadamia::cached;
    use tokio::sync::Notify;

    static GO: Notify = Notify::const_new();

    #[cached(ttl = "1h", key = "slow:<id>")]
    async fn slow(id: u64, origin: &crate::Origin) -> usize {
        let _ = id;
        let seen = origin.version.load(SeqCst);
        if seen == 0 {
            GO.notified().await;
        }
        seen
    }

    let far = Far::new().await;
    let (origin, cache) = (std::sync::Arc::clone(&far.origin), far.cache.clone());
    let old = tokio::spawn(Scope::new().cache(&cache).run(async move { slow(1, &origin).await }));
    until("it is computed", || async { far.cache.in_flight() > 0 }).await;
    // The right to store it lies on the server by now.
    until("it has its right", || async { !far.server.command(&["KEYS", "*"]).items().is_empty() }).await;
    far.proxy.down();
    far.origin.version.fetch_add(1, SeqCst);
    let _ = far.cache.delete("slow:1").await;
    far.proxy.set(macadamia_test_servers::Mode::Pass);
    GO.notify_one();
    assert_eq!(old.await.unwrap(), 0, "who asked before gets what was computed");
    until("the new one is stored, and the old one never was", || async {
        let (before, seen) =
            (far.cache.get::<usize>("slow:1").await.unwrap_or(None), far.run(slow(1, &far.origin)).await);
        assert_eq!(seen, 1);
        before == Some(1)
    })
    .await;
}
