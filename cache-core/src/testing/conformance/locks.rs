//! Small states that are changed in one step.

use std::time::Duration;

use super::bench::{Answer, Bench};
use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::key::{Key, KeyRef};

const LOCK: &str = "lock:k";
const HOUR: Duration = Duration::from_secs(3600);

/// A lock as small as can be: the state is the token of the holder.
struct Lock {
    act: Act,
    token: &'static [u8],
    /// What the last step found, and whether it did what was asked.
    found: Option<Vec<u8>>,
    done: bool,
}

enum Act {
    Take(Duration),
    Release,
    Look,
}

impl Transition for Lock {
    fn name(&self) -> &'static str {
        "conformance lock"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.found = state.map(<[u8]>::to_vec);
        let step = match (&self.act, state) {
            (Act::Take(lease), None) => Step::Put(self.token.to_vec(), now.after(*lease)),
            (Act::Release, Some(holder)) if holder == self.token => Step::Remove,
            _ => Step::Keep,
        };
        self.done = step != Step::Keep;
        step
    }
}

async fn act(bench: &Bench, key: &str, token: &'static [u8], act: Act) -> Lock {
    let mut lock = Lock { act, token, found: None, done: false };
    bench.backend.update(&key.into(), &mut lock).await.of("update");
    lock
}

async fn take(bench: &Bench, token: &'static [u8], lease: Duration) -> bool {
    act(bench, LOCK, token, Act::Take(lease)).await.done
}

async fn release(bench: &Bench, token: &'static [u8]) -> bool {
    act(bench, LOCK, token, Act::Release).await.done
}

async fn holder(bench: &Bench) -> Option<Vec<u8>> {
    act(bench, LOCK, b"", Act::Look).await.found
}

pub(super) async fn a_lock_has_one_holder(bench: Bench) {
    must_eq!(holder(&bench).await, None, "nobody has taken it");
    assert!(take(&bench, b"A\0\r\n\xff", HOUR).await, "it was free");
    must_eq!(holder(&bench).await.as_deref(), Some(&b"A\0\r\n\xff"[..]), "the state must come back as it is");
    assert!(!take(&bench, b"B", HOUR).await, "it was taken");
    assert!(!release(&bench, b"B").await, "another's token released it");
    assert!(holder(&bench).await.is_some(), "another's token released it");
    assert!(release(&bench, b"A\0\r\n\xff").await, "its holder released it");
    must_eq!(holder(&bench).await, None, "it was released");
    assert!(take(&bench, b"B", HOUR).await, "it is free again");
    assert!(act(&bench, "lock:other", b"A", Act::Take(HOUR)).await.done, "another key is another state");
}

pub(super) async fn a_lock_ends_with_its_lease(bench: Bench) {
    let lease = bench.life();
    assert!(take(&bench, b"A", lease).await);
    bench.almost(lease).await;
    assert!(!take(&bench, b"B", lease).await, "the lease is not over");
    bench.rest(lease).await;
    must_eq!(holder(&bench).await, None, "the lease is over");
    assert!(take(&bench, b"B", HOUR).await, "a lease that is over kept the next holder out");
    bench.pass(lease).await;
    assert!(holder(&bench).await.is_some(), "the next holder has the end of the first one's lease");
}

/// Changes nothing.
pub(super) struct Look;

impl Transition for Look {
    fn name(&self) -> &'static str {
        "conformance look"
    }

    fn step(&mut self, _: Option<&[u8]>, _: Time) -> Step {
        Step::Keep
    }
}

/// Counts in its state.
struct Count(u32);

impl Transition for Count {
    fn name(&self) -> &'static str {
        "conformance count"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let before = state.and_then(|state| state.try_into().ok()).map_or(0, u32::from_le_bytes);
        self.0 = before + 1;
        Step::Put(self.0.to_le_bytes().to_vec(), now.after(HOUR))
    }
}

pub(super) async fn no_step_is_lost_among_threads(bench: Bench) {
    let each = bench.rounds(250);
    bench
        .at_once(4, move |bench, _| async move {
            for _ in 0..each {
                bench.backend.update(&LOCK.into(), &mut Count(0)).await.of("update");
            }
        })
        .await;
    let mut last = Count(0);
    bench.backend.update(&LOCK.into(), &mut last).await.of("update");
    must_eq!(last.0 as usize, 4 * each + 1, "steps of a state by four threads");
}

pub(super) async fn of_many_who_take_a_lock_one_holds_it(bench: Bench) {
    const TOKENS: [&[u8]; 4] = [b"A", b"B", b"C", b"D"];
    for round in 0..bench.rounds(50) {
        let taken =
            bench.at_once(4, |bench, thread| async move { take(&bench, TOKENS[thread], HOUR).await }).await;
        let holders: Vec<_> = (0..4).filter(|thread| taken[*thread]).collect();
        must_eq!(holders.len(), 1, "in round {round} these hold the lock: {holders:?}");
        assert!(release(&bench, TOKENS[holders[0]]).await, "the holder could not release it");
    }
}

pub(super) async fn a_state_is_no_entry(bench: Bench) {
    take(&bench, b"A", HOUR).await;
    bench.set("k", "v").await;
    let shown = bench.backend.get(&LOCK.into()).await.of("get");
    assert!(shown.is_none(), "`get` shows a state as an entry");
    must_eq!(bench.get_many(&[LOCK, "k"]).await, [None, Some("v".to_owned())]);
    bench.backend.peek(KeyRef::new(LOCK), &mut |_| panic!("`peek` shows a state as an entry"));
    must_eq!(holder(&bench).await.as_deref(), Some(&b"A"[..]), "reading entries touched a state");
}

pub(super) async fn a_state_is_removed_by_its_key_and_by_a_clear(bench: Bench) {
    take(&bench, b"A", HOUR).await;
    bench.delete("k").await;
    assert!(holder(&bench).await.is_some(), "`delete` of another key removed a state");
    bench.delete(LOCK).await;
    must_eq!(holder(&bench).await, None, "`delete` of its key left a state");
    take(&bench, b"A", HOUR).await;
    bench.clear().await;
    must_eq!(holder(&bench).await, None, "`clear` left a state");
}

pub(super) async fn a_state_is_reached_by_a_pattern_that_names_it(bench: Bench) {
    take(&bench, b"A", HOUR).await;
    bench.delete_match("*").await;
    assert!(holder(&bench).await.is_some(), "`*` removed a lock");
    bench.delete_match("lock:*").await;
    must_eq!(holder(&bench).await, None, "`lock:*` left a lock");
}

/// Whoever holds a lock must hold it however many values are stored meanwhile.
pub(super) async fn a_state_does_not_make_room_for_values(bench: Bench) {
    take(&bench, b"A", HOUR).await;
    let batches = bench.rounds(100);
    for batch in 0..batches {
        let entry = |i| (Key::from(format!("value:{batch}:{i}")), bench.entry("v"));
        bench.backend.set_many((0..1_000).map(entry).collect()).await.of("set_many");
    }
    let found = holder(&bench).await;
    must_eq!(found.as_deref(), Some(&b"A"[..]), "{batches},000 values have pushed a lock out");
}
