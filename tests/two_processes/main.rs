//! A fleet of real processes that share a backend: what one of them does holds for all, whatever becomes of it.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![cfg(all(unix, feature = "disk"))]

mod child;
mod fleet;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use fleet::{Place, eventually};

/// Of the functions that have one.
const LEASE: Duration = Duration::from_secs(2);

const ROLE: &str = "a_process_does_what_each_line_says";

/// Where the processes of the other tests begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_does_what_each_line_says() {
    child::obey_if_child().await;
    tokio::task::block_in_place(|| {
        let place = Place::disk();
        let mut process = place.process();
        place.open("a");
        let first = process.ask("plain x a");
        assert!(first.starts_with("a-"), "{first}");
        assert_eq!((process.ask("plain x a"), process.ask("events Hit")), (first, "1".into()));
        assert_eq!(place.begun("a"), ["x"]);
        assert!(process.ask("dance").starts_with("error"));
    });
}

/// Each story on each backend that processes share.
macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        mod on_disk {
            $(#[test] fn $name() { super::$name(&super::Place::disk()); })*
        }

        #[cfg(feature = "redis")]
        mod on_redis {
            $(#[test] fn $name() { super::$name(&super::Place::redis()); })*
        }

        #[cfg(feature = "redis")]
        mod near_what_redis_has {
            $(#[test] fn $name() { super::$name(&super::Place::near()); })*
        }
    };
}

stories!(
    of_many_processes_one_computes_what_is_not_there,
    when_the_holder_is_killed_another_computes_with_a_later_fence,
    a_holder_that_stood_still_has_its_answer_and_stores_nothing,
    a_holder_whose_lease_is_taken_away_stores_nothing,
    limits_hold_for_all_processes_together,
    a_circuit_opened_in_one_process_is_open_in_all,
    of_all_processes_one_refreshes,
    of_all_processes_one_computes_anew_and_the_others_have_the_present_value,
    what_one_process_invalidates_is_gone_for_all,
    what_was_being_computed_when_another_process_invalidated_it_is_not_stored,
);

/// Five callers in each of four.
fn of_many_processes_one_computes_what_is_not_there(place: &Place) {
    let mut all = place.processes::<4>();
    let calls: Vec<_> = all.iter_mut().map(|one| [(); 5].map(|()| one.tell("cold x a"))).collect();
    place.until("a", 1);
    place.open("a");
    let mut answers: Vec<_> =
        all.iter().zip(&calls).flat_map(|(one, calls)| calls.iter().map(|call| one.hear(call))).collect();
    answers.dedup();
    assert_eq!((answers.len(), place.begun("a").len()), (1, 1), "{answers:?}");
}

fn when_the_holder_is_killed_another_computes_with_a_later_fence(place: &Place) {
    let [mut one, mut other] = place.processes();
    one.tell("cold x a");
    place.until("a", 1);
    one.tell("alone x b");
    let before: u64 = place.until("b", 1)[0].parse().unwrap();
    let [value, job] = [other.tell("cold x c"), other.tell("alone x d")];
    one.process.kill();
    place.open("c");
    place.open("d");
    let value = other.hear(&value);
    assert!(value.starts_with("c-"), "{value}");
    other.hear(&job);
    let after: u64 = place.begun("d")[0].parse().unwrap();
    assert!(after > before, "{after} after {before}");
    assert_eq!(place.process().ask("cold x e"), value, "it was stored");
}

fn a_holder_that_stood_still_has_its_answer_and_stores_nothing(place: &Place) {
    let [mut one, mut other] = place.processes();
    let [value, job, inside] = [one.tell("cold x a"), one.tell("alone x b"), one.tell("both x c")];
    let before: u64 = ["a", "b", "c"].map(|who| place.until(who, 1)[0].clone())[1].parse().unwrap();
    one.process.signal("STOP");
    ["d", "e", "f"].iter().for_each(|who| place.open(who));
    let newer = other.ask("cold x d");
    let fence = other.ask("alone x e");
    let newest = other.ask("both x f");
    assert!(newer.starts_with("d-") && newest.starts_with("f-"), "{newer} {newest}");
    one.process.signal("CONT");
    ["a", "b", "c"].iter().for_each(|who| place.open(who));
    let (mine, own) = (one.hear(&value), one.hear(&inside));
    assert!(
        mine.starts_with("a-") && own.starts_with("c-"),
        "who computed has what it computed: {mine} {own}"
    );
    let old = one.hear(&job);
    assert_eq!(old, format!("x {before}"));
    let after: u64 = fence.strip_prefix("x ").unwrap().parse().unwrap();
    assert!(after > before, "what the lock protects can tell that {before} is older than {after}");
    for process in [&mut one, &mut other] {
        assert_eq!(process.ask("cold x g"), newer, "the older was stored over the newer");
        assert_eq!(process.ask("both x g"), newest, "the older was stored over the newer");
    }
    one.until("LeaseLost");
}

fn a_holder_whose_lease_is_taken_away_stores_nothing(place: &Place) {
    let [mut one, mut other] = place.processes();
    let call = one.tell("both x a");
    place.until("a", 1);
    assert_eq!(other.ask("delete lock:both:x"), "true");
    // Whatever was renewed before is over by then.
    std::thread::sleep(LEASE);
    place.open("a");
    let own = one.hear(&call);
    assert!(own.starts_with("a-"), "{own}");
    place.open("b");
    let next = other.ask("both x b");
    assert!(next.starts_with("b-"), "it was stored under a lost lease: {next}");
    one.until("LeaseLost");
}

fn limits_hold_for_all_processes_together(place: &Place) {
    let mut all = place.processes::<4>();
    for (algorithm, limit) in [("fixed", 20), ("sliding", 20), ("gcra", 1)] {
        let orders: Vec<_> = all.iter_mut().map(|one| one.tell(&format!("limit {algorithm} x 50"))).collect();
        let admitted = all.iter().zip(&orders).map(|(one, order)| one.hear(order).parse::<u32>().unwrap());
        assert_eq!(admitted.sum::<u32>(), limit, "{algorithm}");
        assert_eq!(all[0].ask(&format!("limit {algorithm} x 5")), "0");
    }
}

fn a_circuit_opened_in_one_process_is_open_in_all(place: &Place) {
    let [mut one, mut other] = place.processes();
    place.open("shaky");
    assert_eq!(other.ask("shaky x up"), "ok");
    for _ in 0..3 {
        assert_eq!(one.ask("shaky x down"), "failed");
    }
    for process in [&mut other, &mut one] {
        assert_eq!(process.ask("shaky x up"), "refused");
    }
    assert_eq!(place.begun("shaky").len(), 1);
    assert_eq!(other.ask("shaky y up"), "ok", "another key is another circuit");
}

fn of_all_processes_one_refreshes(place: &Place) {
    let mut all = place.processes::<4>();
    place.open("a");
    let first = all[0].ask("fresh x a");
    eventually("a refresh", || {
        all.iter_mut().for_each(|one| assert_eq!(one.ask("fresh x b"), first, "a caller waited"));
        (!place.begun("b").is_empty()).then_some(())
    });
    for _ in 0..20 {
        all.iter_mut().for_each(|one| assert_eq!(one.ask("fresh x b"), first, "a caller waited"));
    }
    assert_eq!(place.begun("b").len(), 1);
    place.open("b");
    eventually("the new value", || all.iter_mut().all(|one| one.ask("fresh x b") != first).then_some(()));
}

fn of_all_processes_one_computes_anew_and_the_others_have_the_present_value(place: &Place) {
    let [mut one, mut other, mut third] = place.processes();
    place.open("a");
    let first = one.ask("mild x a");
    let mut calls = Vec::new();
    eventually("a new computation", || {
        calls.push(one.tell("mild x b"));
        (!place.begun("b").is_empty()).then_some(())
    });
    for _ in 0..20 {
        assert_eq!((other.ask("mild x b"), third.ask("mild x b")), (first.clone(), first.clone()));
    }
    assert_eq!(place.begun("b").len(), 1);
    place.open("b");
    let answers: Vec<_> = calls.iter().map(|call| one.hear(call)).collect();
    assert!(answers.iter().any(|answer| answer.starts_with("b-")), "{answers:?}");
}

fn what_one_process_invalidates_is_gone_for_all(place: &Place) {
    let [mut one, mut other] = place.processes();
    place.open("a");
    let mut last = one.ask("plain x a");
    for (end, answer) in
        [("delete plain:x", "true"), ("match plain:*", "1"), ("tags plains", "ended"), ("clear", "cleared")]
    {
        assert_eq!(other.ask("plain x a"), last);
        assert_eq!(one.ask("plain x a"), last);
        assert_eq!(other.ask(end), answer, "{end}");
        let before = std::mem::replace(&mut last, one.ask("plain x a"));
        if place.is_told_later {
            last = eventually(end, || Some(one.ask("plain x a")).filter(|next| *next != before));
        }
        assert_ne!(last, before, "after {end:?}");
    }
    assert_eq!(place.begun("a").len(), 5);
}

fn what_was_being_computed_when_another_process_invalidated_it_is_not_stored(place: &Place) {
    let [mut one, mut other] = place.processes();
    for (number, end) in ["delete plain:x", "match plain:*", "tags plains", "clear"].iter().enumerate() {
        let [before, after] = ["before", "after"].map(|who| format!("{who}{number}"));
        let call = one.tell(&format!("plain x {before}"));
        place.until(&before, 1);
        other.ask(end);
        place.open(&before);
        let own = one.hear(&call);
        assert!(own.starts_with(&before), "who computed has what it computed: {own}");
        place.open(&after);
        let next = one.ask(&format!("plain x {after}"));
        assert!(next.starts_with(&after), "what was older than {end:?} was stored: {next}");
        assert_eq!(other.ask("plain x nobody"), next);
        other.ask("delete plain:x");
    }
}

/// A lease that cannot be renewed since its server stands still.
#[cfg(feature = "redis")]
#[test]
fn a_holder_that_cannot_renew_its_lease_has_its_answer_and_stores_nothing() {
    let server = macadamia_test_servers::Redis::start();
    // With the limit of commands that is usual.
    let place = Place::at(server.url());
    let [mut one, mut other] = place.processes();
    let calls = [one.tell("both x a"), one.tell("cold x b")];
    place.until("a", 1);
    place.until("b", 1);
    server.pause();
    // What was asked for before it stood still, or is while it goes on, may have been done: not what lies between.
    std::thread::sleep(2 * LEASE);
    server.resume();
    ["c", "d"].iter().for_each(|who| place.open(who));
    let newer = [other.tell("both x c"), other.tell("cold x d")].map(|call| other.hear(&call));
    ["a", "b"].iter().for_each(|who| place.open(who));
    let [one_s, own] = calls.map(|call| one.hear(&call));
    assert!(one_s.starts_with("a-") && own.starts_with("b-"), "{one_s} {own}");
    assert!(newer[0].starts_with("c-") && newer[1].starts_with("d-"), "{newer:?}");
    assert_eq!([other.ask("both x e"), other.ask("cold x e")], newer, "the older was stored over the newer");
    one.until("LeaseLost");
}
