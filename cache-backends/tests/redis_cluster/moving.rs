//! Slots that move from one server to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::{Backend, Cache, Route};
use macadamia_test_servers::{Cluster, Redis as Server, slot_of};

use super::{in_the_end, through, to};

fn ends(cluster: &Cluster, slot: u16) -> (&Server, &Server) {
    let from = cluster.master_of(slot);
    let to = cluster.masters().into_iter().find(|node| node.port() != from.port());
    (from, to.unwrap())
}

#[tokio::test]
async fn a_key_is_found_at_every_step_of_the_way() {
    let cluster = Cluster::start(2, 0);
    let (cache, _) = through(to(&cluster)).await;
    let keys: Vec<String> = (0..20).map(|n| format!("{{t}}{n}")).collect();
    for key in &keys {
        cache.set(key, key).ttl("1h").await.unwrap();
    }
    let slot = slot_of("{t}");
    let all = async |step: &str| {
        for key in &keys {
            assert_eq!(cache.get::<String>(key).await.unwrap().as_ref(), Some(key), "{step}");
        }
    };
    let goal = ends(&cluster, slot).1;
    cluster.begin_move(slot, goal);
    all("it is on its way").await;
    assert_eq!(cluster.move_keys(slot, goal, 10), 10);
    all("half of them have moved").await;
    assert_eq!(cache.get::<String>("{t}none").await.unwrap(), None, "what is nowhere is missing");
    while cluster.move_keys(slot, goal, 10) > 0 {}
    all("they have moved").await;
    cluster.end_move(slot, goal);
    all("it has arrived").await;
    assert!(cache.delete(&keys[0]).await.unwrap());
    assert_eq!(goal.command(&["EXISTS", &keys[0], &keys[1]]).integer(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_asked_for_together_are_found_at_every_step_of_the_way() {
    let cluster = Cluster::start(2, 0);
    let (cache, _) = through(to(&cluster)).await;
    let keys: Vec<String> = (0..20).map(|n| format!("{{t}}{n}")).collect();
    for key in &keys {
        cache.set(key, key).ttl("1h").await.unwrap();
    }
    let slot = slot_of("{t}");
    let goal = ends(&cluster, slot).1;
    cluster.begin_move(slot, goal);
    assert_eq!(cluster.move_keys(slot, goal, 10), 10);
    let all: Vec<_> = keys.iter().cloned().map(Some).collect();
    assert_eq!(cache.get_many::<String, _>(&keys).await.unwrap(), all);
    let read = |key: &String| {
        let (cache, key) = (cache.clone(), key.clone());
        tokio::spawn(async move { cache.get::<String>(&key).await.unwrap() })
    };
    for (read, key) in keys.iter().map(read).collect::<Vec<_>>().into_iter().zip(all) {
        assert_eq!(read.await.unwrap(), key, "those who ask at once are asked for together");
    }
}

#[tokio::test]
async fn what_cannot_be_done_amid_a_move_is_a_failure_of_that_command_and_done_later() {
    let cluster = Cluster::start(2, 0);
    let redis = to(&cluster);
    let (cache, _) = through(redis.clone()).await;
    cache.set("{t}1", &1).ttl("1h").await.unwrap();
    let slot = slot_of("{t}");
    let goal = ends(&cluster, slot).1;
    cluster.begin_move(slot, goal);
    // A key and the right to fill it are changed together, and either server has only what is there.
    let error = redis.delete(&"{t}1".into()).await.unwrap_err();
    assert!(!error.is_unavailable(), "the others serve: {error}");
    cache.set("elsewhere", &1).await.unwrap();
    cluster.move_slots(slot..=slot, goal);
    let _ = in_the_end("it is deleted", async || redis.delete(&"{t}1".into()).await).await;
    assert!(!cache.exists("{t}1").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_by_a_pattern_is_gone_wherever_it_was_meanwhile() {
    let cluster = Arc::new(Cluster::start(2, 0));
    let redis = to(&cluster);
    let (cache, _) = through(redis.clone()).await;
    let rounds = if std::env::var_os("MACADAMIA_SLOW").is_some() { 30 } else { 4 };
    for round in 0..rounds {
        let slot = slot_of(format!("{{t{round}}}"));
        let keys: Vec<String> = (0..300).map(|n| format!("{{t{round}}}{n}")).collect();
        cache.set_many(keys.iter().map(|key| (key, &1))).ttl("1h").await.unwrap();
        let moving = {
            let cluster = Arc::clone(&cluster);
            tokio::task::spawn_blocking(move || {
                let goal = ends(&cluster, slot).1;
                cluster.begin_move(slot, goal);
                while cluster.move_keys(slot, goal, 7) > 0 {}
                cluster.end_move(slot, goal);
            })
        };
        in_the_end("they are deleted", async || redis.delete_match(&"{t*".into()).await).await;
        moving.await.unwrap();
        let left = cache.get_many::<i32, _>(&keys).await.unwrap();
        assert_eq!(left.iter().flatten().count(), 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_answer_while_slots_move() {
    let slots = if std::env::var_os("MACADAMIA_SLOW").is_some() { 600 } else { 30 };
    let cluster = Arc::new(Cluster::start(2, 0));
    let cache = Cache::builder().route("", Route::to(to(&cluster)).suppress(false)).build().await.unwrap();
    // Keys of the slots that move, and others.
    let keys: Arc<Vec<String>> = Arc::new((0..400).map(|n| format!("{n}")).collect());
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (cache, keys) = (cache.clone(), Arc::clone(&keys));
            let (over, answers) = (Arc::clone(&over), Arc::clone(&answers));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let n = fastrand::usize(..keys.len());
                    let answer = cache.get_or_set(&keys[n], || async { n }).ttl("1h").await;
                    assert_eq!(answer.unwrap(), n);
                    answers.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let moved: Vec<u16> = keys.iter().map(slot_of).take(slots / 3).collect();
    tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || {
            for slot in moved.into_iter().chain(0..u16::try_from(slots).unwrap()) {
                cluster.move_slots(slot..=slot, ends(&cluster, slot).1);
            }
        }
    })
    .await
    .unwrap();
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(answers.load(Ordering::Relaxed) > 100, "{answers:?}");
    for key in &*keys {
        in_the_end("it is stored", || cache.set(key, &1_usize).ttl("1h").into_future()).await;
        assert_eq!(cache.get::<usize>(key).await.unwrap(), Some(1));
    }
}
