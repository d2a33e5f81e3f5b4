//! Several processes share a directory: whatever one of them was told holds for the others.
#![cfg(all(feature = "disk", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::{Duration, Instant};

use support::child::{self, Child, Hands};
use support::{check, file, number};
use tempfile::TempDir;

#[tokio::test]
async fn a_child_does_what_each_line_says() {
    child::obey_if_child().await;
    let directory = TempDir::new().unwrap();
    let mut hands = Hands::new(&child::url(directory.path())).await.unwrap();
    for (line, answer) in [
        ("set k v red", "true"),
        ("get k", "v"),
        ("tags red", "deleted"),
        ("get k", "nothing"),
        ("count n 3", "3"),
        ("begin k", "begun"),
        ("fill k v", "true"),
        ("filled k", "v"),
        ("unlock k", "not mine"),
    ] {
        assert_eq!(hands.obey(line).await.unwrap(), answer, "{line}");
    }
    assert!(hands.obey("dance").await.is_err());
}

fn two(directory: &TempDir) -> [Child; 2] {
    [child::at(directory.path()), child::at(directory.path())]
}

#[test]
fn what_one_process_stores_another_reads() {
    let directory = TempDir::new().unwrap();
    let [mut one, mut other] = two(&directory);
    assert_eq!(one.ask("get k"), "nothing");
    assert_eq!(other.ask("set k hello"), "true");
    assert_eq!(one.ask("get k"), "hello");
    assert_eq!(one.ask("delete k"), "true");
    assert_eq!(other.ask("get k"), "nothing");
    assert_eq!(other.ask("delete k"), "false", "it was deleted by the other");
}

#[test]
fn counts_of_several_processes_add_up() {
    let directory = TempDir::new().unwrap();
    let mut children: Vec<_> = (0..4).map(|_| child::at(directory.path())).collect();
    children.iter_mut().for_each(|child| child.tell("count n 500"));
    let answers: Vec<_> = children.iter_mut().map(|child| child.hear().unwrap()).collect();
    let mut sums: Vec<i64> =
        answers.iter().map(|sum| sum.parse().unwrap_or_else(|_| panic!("{answers:?}"))).collect();
    sums.sort_unstable();
    assert_eq!(sums.last(), Some(&2_000), "{sums:?}");
    check(&file(directory.path(), 0));
}

#[test]
fn a_right_to_fill_is_one_right_for_all_processes() {
    let directory = TempDir::new().unwrap();
    let [mut one, mut other] = two(&directory);
    assert_eq!((one.ask("begin k"), other.ask("begin k")), ("begun".into(), "begun".into()));
    assert_eq!(one.ask("fill k one"), "true");
    assert_eq!(other.ask("fill k other"), "true", "the second computation joined the first");
    assert_eq!(one.ask("filled k"), "other");
    assert_eq!(one.ask("delete k"), "true");
}

#[test]
fn what_one_process_computes_is_not_stored_after_another_deleted_it() {
    let directory = TempDir::new().unwrap();
    let [mut one, mut other] = two(&directory);
    for deletion in ["delete k", "clear"] {
        one.ask("begin k");
        other.ask(deletion);
        assert_eq!(one.ask("fill k older"), "false", "after {deletion:?}");
        assert_eq!(one.ask("filled k"), "nothing");
    }
    one.ask("begin k");
    one.kill();
    assert_eq!(other.ask("begin k"), "begun", "a right of the dead is in nobody's way");
    assert_eq!(other.ask("fill k newer"), "true");
}

#[test]
fn a_tag_deleted_by_one_process_ends_the_entries_of_another() {
    let directory = TempDir::new().unwrap();
    for shards in [1, 4] {
        let url = format!("{}?shards={shards}", child::url(&directory.path().join(shards.to_string())));
        let [mut one, mut other] = [(); 2].map(|()| Child::begin(&mut child::command(&url)));
        for key in ["a", "b", "c", "d", "e"] {
            assert_eq!(one.ask(&format!("set {key} v red")), "true");
        }
        assert_eq!(one.ask("set plain v"), "true");
        assert_eq!(other.ask("tags red"), "deleted");
        for key in ["a", "b", "c", "d", "e"] {
            assert_eq!(one.ask(&format!("get {key}")), "nothing", "{key} of {shards} shards");
        }
        assert_eq!(one.ask("scan *"), "1");
        assert_eq!(other.ask("set a v red"), "true");
        assert_eq!((one.ask("get a"), one.ask("get plain")), ("v".into(), "v".into()));
    }
}

#[test]
fn a_lock_has_one_holder_among_all_processes() {
    let directory = TempDir::new().unwrap();
    let [mut one, mut other] = two(&directory);
    let first = one.ask("lock job");
    assert!(first.starts_with("mine"), "{first}");
    assert_eq!(other.ask("lock job"), "taken");
    assert_eq!(one.ask("unlock job"), "true");
    let second = other.ask("lock job");
    assert!(second.starts_with("mine") && second != first, "a later holder has a later fence: {second}");
    assert_eq!(one.ask("lock job"), "taken");
    other.kill();
    assert_eq!(one.ask("lock job"), "taken", "a lease outlives its holder");
    assert_eq!(one.ask("delete lock:job"), "true");
    assert!(one.ask("lock job").starts_with("mine"));
}

#[test]
fn threads_end_with_closing_and_with_the_last_handle() {
    let directory = TempDir::new().unwrap();
    let mut child = child::at(directory.path());
    assert_eq!(child.ask("threads"), "0", "nothing is opened before it is needed");
    assert_eq!(child.ask("set k v"), "true");
    assert_ne!(child.ask("threads"), "0");
    child.ask("begin k");
    assert_eq!(child.ask("close"), "closed");
    no_threads(&mut child);
    assert_eq!(
        (child.ask("end k"), child.ask("threads")),
        ("ended".into(), "0".into()),
        "a destructor opens nothing"
    );
    assert_eq!(child.ask("get k"), "v", "a command opens what it needs");
    assert_ne!(child.ask("threads"), "0");
    assert_eq!(child.ask("drop"), "gone");
    no_threads(&mut child);
}

/// A thread that is over may be seen for a moment.
fn no_threads(child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.ask("threads") != "0" {
        assert!(Instant::now() < deadline, "threads live on");
    }
}

/// Every process that writes is killed amid its work, again and again, in one directory.
#[test]
fn what_was_said_to_be_stored_is_there_after_a_kill() {
    let rounds = if std::env::var_os("MACADAMIA_SLOW").is_some() { 200 } else { 20 };
    let directory = TempDir::new().unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..rounds {
        let (mut child, name) = (child::at(directory.path()), format!("r{round}"));
        child.tell(&format!("flood {name}"));
        let mut last = None;
        for _ in 0..random.usize(1..60) {
            last = child.hear();
        }
        child.kill();
        while let Some(told) = child.hear() {
            last = Some(told);
        }
        let last: usize = last.unwrap().parse().unwrap();
        check(&file(directory.path(), 0));
        let mut reader = child::at(directory.path());
        for number in 0..=last {
            let found = reader.ask(&format!("get {}", child::key(&name, number)));
            // The one after it may be deleted already.
            let may_be_gone = number % 5 == 2 && number + 2 == last + 1;
            if number % 5 == 2 && number + 2 <= last {
                assert_eq!(found, "nothing", "{number} of {last} in round {round} was deleted");
            } else if found != child::value(&name, number) {
                assert!(
                    may_be_gone && found == "nothing",
                    "{number} of {last} in round {round} is {found:?}"
                );
            }
        }
        let newest = reader.ask("get last");
        let is_newest = |number| newest == format!("{name}:{number}");
        assert!(is_newest(last) || is_newest(last + 1), "{newest} after {last} in round {round}");
        let count: usize = reader.ask(&format!("count count:{name} 1")).parse().unwrap();
        assert!((last + 2..=last + 3).contains(&count), "counted {count} after {last} in round {round}");
        // Not to have the next ones read ever more.
        assert_eq!(reader.ask(&format!("tags {name}")), "deleted");
        if round % 10 == 9 {
            assert_eq!(reader.ask("clear"), "clear");
            assert_eq!(number(&file(directory.path(), 0), "SELECT count(*) FROM bodies"), 0);
        }
    }
}
