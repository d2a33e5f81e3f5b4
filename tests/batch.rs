//! `many = ids`: each element has an entry of its own, and one call computes those that are missing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use macadamia::{EventKind, Scope, cached, invalidate, key};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;
use support::{Fixture, settle};
use tokio::sync::{Mutex as Turn, Notify};

/// What the functions were asked for, call by call.
static ASKED: Mutex<Vec<Vec<u64>>> = Mutex::new(Vec::new());
/// One test at a time looks at it.
static TURN: Turn<()> = Turn::const_new(());

fn asked() -> Vec<Vec<u64>> {
    std::mem::take(&mut ASKED.lock().unwrap())
}

fn ask(ids: &[u64]) {
    ASKED.lock().unwrap().push(ids.to_vec());
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
    name: String,
}

fn user_of(id: u64) -> User {
    User { id, name: format!("user {id}") }
}

/// Users with an id below 100 exist; 13 is bad luck.
#[cached(many = ids, ttl = "1h", key = "batch:user:<ids>", tags = ["batch:users", "batch:user:<ids>"])]
async fn users(ids: &[u64]) -> Result<HashMap<u64, User>, String> {
    tokio::task::yield_now().await;
    ask(ids);
    if ids.contains(&13) {
        return Err("bad luck".to_owned());
    }
    Ok(ids.iter().filter(|id| **id < 100).map(|id| (*id, user_of(*id))).collect())
}

/// The same entries, one by one.
#[cached(ttl = "1h", key = "batch:user:<id>")]
async fn user(id: u64) -> Result<Option<User>, String> {
    ask(&[id]);
    Ok((id < 100).then(|| user_of(id)))
}

#[cached(many = ids, ttl = "1h", none_ttl = "1m", key = "batch:known:<ids>")]
async fn known(ids: Vec<u64>) -> BTreeMap<u64, User> {
    ask(&ids);
    ids.into_iter().filter(|id| *id < 100).map(|id| (id, user_of(id))).collect()
}

#[cached(many = names, ttl = |length| Duration::from_secs(*length as u64), condition = |length| *length > 1)]
async fn lengths(names: &[&str], factor: usize) -> Vec<(String, usize)> {
    ask(&[names.len() as u64]);
    names.iter().map(|name| ((*name).to_owned(), name.len() * factor)).collect()
}

#[invalidate(users(ids = id))]
async fn rename(id: u64) {}

struct Shop {
    region: u8,
}

impl Shop {
    #[cached(many = ids, ttl = "1h", key = "shop:<self.region>:<ids>", handle)]
    async fn stock(&self, ids: &[u64]) -> HashMap<u64, u64> {
        ask(ids);
        ids.iter().map(|id| (*id, id * u64::from(self.region))).collect()
    }
}

fn ids(map: &HashMap<u64, User>) -> Vec<u64> {
    let mut ids: Vec<_> = map.keys().copied().collect();
    ids.sort_unstable();
    ids
}

async fn one_call_computes_what_is_missing(fixture: Fixture) {
    let _turn = TURN.lock().await;
    asked();
    fixture
        .run(async {
            assert_eq!(ids(&users(&[1, 2, 3]).await.unwrap()), [1, 2, 3]);
            assert_eq!(ids(&users(&[2, 3, 4, 5]).await.unwrap()), [2, 3, 4, 5]);
            assert_eq!(users(&[5, 1]).await.unwrap()[&5], user_of(5));
            assert!(users(&[]).await.unwrap().is_empty());
            assert_eq!(asked(), [vec![1, 2, 3], vec![4, 5]]);
        })
        .await;
}

#[tokio::test]
async fn only_the_missing_elements_are_computed_in_one_call() {
    one_call_computes_what_is_missing(Fixture::memory().await).await;
    one_call_computes_what_is_missing(Fixture::remote().await.0).await;
}

#[tokio::test]
async fn all_elements_are_read_at_once() {
    let _turn = TURN.lock().await;
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            let many: Vec<u64> = (20..70).collect();
            users(&many).await.unwrap();
            let before = faults.commands();
            users(&many).await.unwrap();
            assert_eq!(faults.commands() - before, 1);
        })
        .await;
    asked();
}

#[tokio::test]
async fn elements_that_come_twice_are_asked_for_once() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(ids(&users(&[7, 7, 8, 7]).await.unwrap()), [7, 8]);
            assert_eq!(ids(&users(&[8, 8, 7]).await.unwrap()), [7, 8]);
        })
        .await;
    assert_eq!(asked(), [[7, 8]]);
}

#[tokio::test]
async fn absent_elements_are_asked_for_again_unless_absence_is_kept() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert!(users(&[500]).await.unwrap().is_empty());
            assert!(users(&[500]).await.unwrap().is_empty());
            assert_eq!(asked(), [[500], [500]]);
            assert_eq!(known(vec![500, 1]).await.len(), 1);
            assert_eq!(known(vec![500, 1]).await.len(), 1);
            assert_eq!(asked(), [[500, 1]]);
            fixture.clock.advance(Duration::from_secs(60));
            assert_eq!(known(vec![500, 1]).await.len(), 1);
            assert_eq!(asked(), [[500]]);
        })
        .await;
}

#[tokio::test]
async fn a_function_of_one_element_shares_the_entries() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            users(&[1, 2]).await.unwrap();
            assert_eq!(user(1).await.unwrap(), Some(user_of(1)));
            user(3).await.unwrap();
            assert_eq!(ids(&users(&[2, 3]).await.unwrap()), [2, 3]);
        })
        .await;
    assert_eq!(asked(), [vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn an_error_is_the_answer_and_nothing_is_stored() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            users(&[1]).await.unwrap();
            assert_eq!(users(&[1, 2, 13]).await.unwrap_err(), "bad luck");
            users(&[1, 2]).await.unwrap();
        })
        .await;
    assert_eq!(asked(), [vec![1], vec![2, 13], vec![2]]);
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn closures_look_at_each_value() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut found = lengths(&["a", "bb", "cccc"], 1).await;
            found.sort();
            assert_eq!(found, [("a".to_owned(), 1), ("bb".to_owned(), 2), ("cccc".to_owned(), 4)]);
            lengths(&["a", "bb", "cccc"], 1).await;
            assert_eq!(asked(), [[3], [1]], "`a` is too short to be kept");
            fixture.clock.advance(Duration::from_secs(2));
            lengths(&["bb", "cccc"], 1).await;
            assert_eq!(asked(), [[1]], "`bb` lives two seconds, `cccc` four");
            lengths(&["cccc"], 2).await;
            assert_eq!(asked(), [[1]], "another factor is another key");
        })
        .await;
}

#[tokio::test]
async fn one_element_is_invalidated_by_name_key_and_tag() {
    let _turn = TURN.lock().await;
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            users(&[1, 2, 3, 4]).await.unwrap();
            asked();
            rename(2).await;
            assert!(users::invalidate(&3).await.unwrap());
            fixture.cache.delete_tags(["batch:user:4"]).await.unwrap();
            users(&[1, 2, 3, 4]).await.unwrap();
            assert_eq!(asked(), [[2, 3, 4]]);
            fixture.cache.delete_tags(["batch:users"]).await.unwrap();
            users(&[1]).await.unwrap();
            assert_eq!(asked(), [[1]]);
        })
        .await;
}

#[tokio::test]
async fn the_handle_speaks_of_one_element() {
    let _turn = TURN.lock().await;
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(users::key(&7).as_str(), "batch:user:7");
            assert_eq!(key!(users(ids = 7u64)).as_str(), "batch:user:7");
            assert!(users::set(&7, user_of(70)).await.unwrap());
            assert_eq!(users(&[7]).await.unwrap()[&7].id, 70);
            assert_eq!(users::peek(&7).await.unwrap(), Some(user_of(70)));
            assert_eq!(users::refresh(&[7]).await.unwrap()[&7].id, 7);
            assert_eq!(users::peek(&7).await.unwrap(), Some(user_of(7)));
        })
        .await;
    asked();
}

#[tokio::test]
async fn a_method_of_many_elements() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(Shop { region: 2 }.stock(&[1, 2]).await[&2], 4);
            assert_eq!(Shop { region: 3 }.stock(&[2]).await[&2], 6);
            assert_eq!(Shop { region: 2 }.stock(&[2]).await[&2], 4);
        })
        .await;
    assert_eq!(asked(), [vec![1, 2], vec![2]]);
}

#[cached(many = ids, ttl = "1h", key = "batch:slow:<ids>")]
async fn slow(ids: &[u64], gate: &'static Notify) -> HashMap<u64, u64> {
    ask(ids);
    gate.notified().await;
    ids.iter().map(|id| (*id, *id)).collect()
}

#[tokio::test]
async fn what_another_call_computes_is_waited_for_and_not_computed_again() {
    let _turn = TURN.lock().await;
    asked();
    let fixture = Fixture::memory().await;
    let gate: &'static Notify = Box::leak(Box::default());
    let call = |ids: &'static [u64]| tokio::spawn(Scope::new().cache(&fixture.cache).run(slow(ids, gate)));
    let first = call(&[1, 2]);
    settle().await;
    let second = call(&[2, 3]);
    let third = call(&[2, 1]);
    settle().await;
    gate.notify_one();
    assert_eq!(first.await.unwrap().len(), 2);
    assert_eq!(third.await.unwrap().len(), 2);
    settle().await;
    gate.notify_one();
    assert_eq!(second.await.unwrap().len(), 2);
    assert_eq!(asked(), [vec![1, 2], vec![3]]);
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn calls_that_hold_what_the_other_wants_do_not_wait_for_each_other() {
    let _turn = TURN.lock().await;
    let fixture = Fixture::remote().await.0;
    for _ in 0..50 {
        let call = |ids: &'static [u64]| {
            tokio::spawn(
                Scope::new().cache(&fixture.cache).run(async move { users(ids).await.unwrap().len() }),
            )
        };
        let calls = [call(&[1, 2, 3]), call(&[3, 2, 1]), call(&[2, 1, 4]), call(&[4, 3])];
        for (call, expected) in calls.into_iter().zip([3, 3, 3, 2]) {
            assert_eq!(call.await.unwrap(), expected);
        }
        fixture.cache.clear().await.unwrap();
    }
    assert_eq!((fixture.cache.in_flight(), fixture.events.count(EventKind::WaitExpired)), (0, 0));
    asked();
}

#[tokio::test]
async fn a_call_dropped_at_any_await_point_leaves_nothing() {
    let _turn = TURN.lock().await;
    for points in 0..40 {
        let fixture = Fixture::remote().await.0;
        let call = macadamia::testing::drop_after(points, users(&[1, 2]));
        fixture.run(call).await;
        settle().await;
        assert_eq!(fixture.cache.in_flight(), 0, "dropped after {points} points");
        fixture.run(async { assert_eq!(users(&[1, 2]).await.unwrap().len(), 2) }).await;
    }
    asked();
}

#[tokio::test]
async fn a_broken_backend_costs_the_cache_and_not_the_call() {
    let _turn = TURN.lock().await;
    let (fixture, faults) = Fixture::remote().await;
    faults.fail(Some(macadamia::Error::backend("down")));
    fixture.run(async { assert_eq!(users(&[1, 2]).await.unwrap().len(), 2) }).await;
    assert!(fixture.events.count(EventKind::BackendFailed) > 0);
    asked();
}
