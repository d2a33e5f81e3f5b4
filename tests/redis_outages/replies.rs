//! Replies that are damaged, or somebody else's.

use std::sync::Arc;
use std::time::Duration;

use macadamia::testing::drop_after;
use macadamia::{EventKind, Scope};
use macadamia_test_servers::Mode;

use crate::{Far, plain};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_half_replies_are_no_answers() {
    for mode in [Mode::Garbage, Mode::Truncate] {
        let far = Far::new().await;
        far.until_hits().await;
        let load = far.load(16);
        for _ in 0..5 {
            far.proxy.set(mode);
            tokio::time::sleep(Duration::from_millis(100)).await;
            far.proxy.set(Mode::Pass);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let took = far.until_hits().await;
        assert!(took < Duration::from_secs(5), "{mode:?}: hits again after {took:?}");
        load.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reply_to_another_request_is_never_believed() {
    let far = Far::with("maxsize=1").await;
    far.run(async {
        for id in 0..50 {
            plain(id, &far.origin).await;
        }
    })
    .await;
    far.proxy.set(Mode::Swap);
    let tasks: Vec<_> = (0..16u64)
        .map(|task| {
            let (cache, origin) = (far.cache.clone(), Arc::clone(&far.origin));
            tokio::spawn(Scope::new().cache(&cache).run(async move {
                for round in 0..50 {
                    let id = (task * 7 + round) % 50;
                    assert_eq!(plain(id, &origin).await.0, id, "another key's value");
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(far.proxy.swapped() > 0, "nothing was swapped, so nothing was shown");
    far.proxy.set(Mode::Pass);
    far.until_hits().await;
    far.run(async {
        for id in 0..50 {
            assert_eq!(plain(id, &far.origin).await.0, id);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_leave_in_the_middle_leave_replies_to_nobody_else() {
    let far = Far::with("maxsize=2").await;
    let tasks: Vec<_> = (0..10u64)
        .map(|task| {
            let (cache, origin) = (far.cache.clone(), Arc::clone(&far.origin));
            tokio::spawn(Scope::new().cache(&cache).run(async move {
                for round in 0..1_000u64 {
                    let id = (task * 13 + round) % 60;
                    let polls = usize::try_from(round % 7).unwrap();
                    if let Some((seen, _)) = drop_after(polls, plain(id, &origin)).await {
                        assert_eq!(seen, id);
                    }
                    if round % 10 == 0 {
                        assert_eq!(plain(id, &origin).await.0, id);
                    }
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(far.cache.in_flight(), 0);
    assert_eq!(far.events.count(EventKind::Unreadable), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_put_under_our_keys_is_a_miss_and_is_written_over() {
    let far = Far::new().await;
    far.run(async {
        plain(1, &far.origin).await;
        let other = far.server.command(&["GET", "plain:1"]);
        assert!(!other.is_error());
        // Random bytes, half an entry, nothing, text, and the entry of another key.
        far.server.command(&["COPY", "plain:1", "plain:2"]);
        far.server.command(&["SETRANGE", "plain:1", "20", "damaged"]);
        far.server.command(&["SET", "plain:3", ""]);
        far.server.command(&["SET", "plain:4", "{\"json\": true}"]);
        far.server.command(&["SET", "plain:5", "12345"]);
        far.server.command(&["SET", "plain:6", "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{9}"]);
        let (before, accepted) = (far.origin.runs(), far.proxy.accepted());
        for _ in 0..2 {
            for id in 1..=6 {
                assert_eq!(plain(id, &far.origin).await, (id, 0));
            }
        }
        assert_eq!(far.origin.runs(), before + 6, "each once, and then what was computed is there");
        assert!(far.events.count(EventKind::Unreadable) >= 4);
        assert_eq!(
            far.proxy.accepted(),
            accepted + 1,
            "the entry of another key: perhaps answers were mixed up"
        );
        // A list is nobody's entry, and perhaps somebody's list.
        far.server.command(&["RPUSH", "plain:7", "one", "two"]);
        assert_eq!(plain(7, &far.origin).await, (7, 0));
        assert_eq!(far.server.command(&["LLEN", "plain:7"]).integer(), 2, "it is as it was");
    })
    .await;
}
