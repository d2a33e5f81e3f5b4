//! Functions of many elements where it gets narrow: keys that elements share, takeovers, lists by value.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use macadamia::{EventKind, Scope, cached};
use std::collections::HashMap;
use std::time::Duration;
use support::{Fixture, settle};

#[cached(many = ids, ttl = "1h", key = "circle:<ids>")]
async fn batch(ids: &[u64]) -> HashMap<u64, u64> {
    tokio::task::yield_now().await;
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cached(ttl = "1h", key = "circle:<id>")]
async fn hang(id: u64) -> Option<u64> {
    std::future::pending::<()>().await;
    Some(id)
}

#[tokio::test]
async fn batches_that_take_over_from_dropped_calls_do_not_wait_in_a_circle() {
    for fixture in Fixture::each().await {
        let scope = || Scope::new().cache(&fixture.cache);
        let (first, second) = (tokio::spawn(scope().run(hang(1))), tokio::spawn(scope().run(hang(2))));
        settle().await;
        let one = tokio::spawn(scope().run(batch(&[1, 2])));
        settle().await;
        first.abort();
        settle().await;
        second.abort();
        let other = tokio::spawn(scope().run(batch(&[1, 2])));
        assert_eq!((one.await.unwrap().len(), other.await.unwrap().len()), (2, 2));
        assert_eq!((fixture.cache.in_flight(), fixture.events.count(EventKind::WaitExpired)), (0, 0));
    }
}

#[cached(many = names, ttl = "1h", key = "folded:<names:lower>")]
async fn folded(names: &[String]) -> HashMap<String, usize> {
    names.iter().map(|name| (name.clone(), name.len())).collect()
}

#[tokio::test]
async fn elements_of_one_key_all_have_its_value() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let names = ["Ann", "ann", "Bo"].map(str::to_owned);
            for _ in 0..2 {
                let found = folded(&names).await;
                assert_eq!(found.len(), 3, "{found:?}");
                assert_eq!((found["Ann"], found["ann"], found["Bo"]), (3, 3, 2));
            }
        })
        .await;
    assert_eq!(fixture.cache.keys_count().await.unwrap(), 2);
}

#[cached(many = tokens, ttl = "1h", key = "whose:<tokens:jwt(sub)>", when = on)]
async fn whose(tokens: &[String], on: bool) -> Vec<(String, usize)> {
    let _ = on;
    tokens.iter().map(|token| (token.clone(), token.len())).collect()
}

#[tokio::test]
async fn elements_that_make_no_key_are_elements_all_the_same() {
    let fixture = Fixture::memory().await;
    let tokens = ["garbage", "rubbish!"].map(str::to_owned);
    fixture
        .run(async {
            assert_eq!(whose(&tokens, true).await.len(), 2);
            assert_eq!(whose(&tokens, false).await.len(), 2);
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Bypassed), 4);
}

#[deny(unused_mut)]
mod by_value {
    use super::cached;

    #[cached(many = ids, ttl = "1h", key = "sorted:<ids>")]
    pub(super) async fn sorted(mut ids: Vec<u64>) -> Vec<(u64, usize)> {
        ids.sort_unstable();
        ids.into_iter().enumerate().map(|(at, id)| (id, at)).collect()
    }
}

#[tokio::test]
async fn a_list_by_value_is_the_bodys_own() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(by_value::sorted(vec![3, 1, 3]).await, [(3, 1), (1, 0)]);
            assert_eq!(by_value::sorted(vec![1, 3]).await, [(1, 0), (3, 1)]);
        })
        .await;
}

#[tokio::test]
async fn many_callers_of_overlapping_lists_all_have_their_answer() {
    let fixture = Fixture::remote().await.0;
    let calls = (0..60u64).map(|at| {
        let ids: Vec<u64> = (at..at + 20).collect();
        tokio::spawn(Scope::new().cache(&fixture.cache).run(async move {
            let call = tokio::time::timeout(Duration::from_secs(20), batch(&ids));
            if at % 7 == 0 {
                drop(macadamia::testing::drop_after(3, call).await);
                return 20;
            }
            call.await.map_or(0, |found| found.len())
        }))
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 20);
    }
    assert_eq!(fixture.cache.in_flight(), 0);
}
