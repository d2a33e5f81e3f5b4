//! What a disk promises beside the verbs of every backend: what lasts, what makes room, what the files are like.
#![cfg(feature = "disk")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use cache_backends::Disk;
use cache_core::testing::drop_after;
use cache_core::{
    Backend, Cache, Clock, Entry, Increment, IntoBackend, Key, Meta, Pattern, SetIf, SetOptions, Step, Time,
    Transition,
};
use support::{Bench, check};

const HOUR: Duration = Duration::from_secs(3_600);

/// Puts a state, or looks whether it is there.
struct Hold {
    is_held: bool,
}

impl Transition for Hold {
    fn name(&self) -> &'static str {
        "hold"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.is_held = state.is_some();
        Step::Put(b"held".to_vec(), now.after(HOUR))
    }
}

async fn is_held(disk: &Disk, key: &str) -> bool {
    let mut hold = Hold { is_held: false };
    disk.update(&key.into(), &mut hold).await.unwrap();
    hold.is_held
}

// ── Lasting ──

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    for shards in [1, 4] {
        let bench = Bench::with(|disk| disk.shards(shards));
        for i in 0..50 {
            bench.set_for(&format!("k{i}"), format!("v{i}").as_bytes(), Some(HOUR)).await;
        }
        bench.disk.increment(&"n".into(), Increment::new(7, None)).await.unwrap();
        let stamps = bench.disk.stamp(&["red".into()]).await.unwrap();
        assert!(!is_held(&bench.disk, "lock:job").await);
        bench.disk.close().await.unwrap();

        let again = bench.again(|disk| disk.shards(shards));
        let keys: Vec<Key> = (0..50).map(|i| Key::from(format!("k{i}"))).collect();
        let found = again.get_many(&keys).await.unwrap();
        assert!(found.iter().zip(0..).all(|(found, i)| {
            found.as_ref().is_some_and(|found| found.encoded().unwrap() == format!("v{i}").as_bytes())
        }));
        let expires = found[0].as_ref().unwrap().expires();
        assert_eq!(expires, bench.clock.now().after(HOUR));
        assert_eq!(again.increment(&"n".into(), Increment::new(1, None)).await.unwrap(), 8);
        assert_eq!(again.generations(&["red".into()]).await.unwrap(), [Some(stamps[0].nonce())]);
        assert!(is_held(&again, "lock:job").await);
        bench.clock.advance(HOUR);
        assert!(again.get(&"k0".into()).await.unwrap().is_none(), "its time ran on");
    }
}

#[tokio::test]
async fn each_shard_is_a_file_and_together_they_are_one_cache() {
    let bench = Bench::with(|disk| disk.shards(4));
    for i in 0..200 {
        bench.set(&format!("user:{i}"), b"v").await;
        bench.set(&format!("page:{i}"), b"v").await;
    }
    for shard in 0..4 {
        let kept = support::number(&bench.file(shard), "SELECT count(*) FROM entries");
        assert!((50..150).contains(&kept), "{kept} of 400 entries are in shard {shard}");
    }
    assert_eq!(bench.disk.scan(&Pattern::new("user:1*")).await.unwrap().len(), 111);
    assert_eq!(bench.disk.delete_match(&Pattern::new("user:1*")).await.unwrap(), 111);
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 289);
    assert!(!bench.has("user:1").await && bench.has("user:2").await && bench.has("page:1").await);
    bench.disk.clear().await.unwrap();
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 0);
    (0..4).for_each(|shard| check(&bench.file(shard)));
}

#[tokio::test]
async fn another_number_of_shards_is_an_error_that_says_which() {
    let bench = Bench::with(|disk| disk.shards(4));
    bench.set("k", b"v").await;
    let one = bench.again(|disk| disk);
    let error = one.get(&"k".into()).await.unwrap_err().to_string();
    assert!(error.contains("say `shards=4`"), "{error}");
    assert!(bench.has("k").await);
}

// ── Making room ──

/// Sum of sizes; never more than allowed.
async fn fill(bench: &Bench, prefix: &str, count: usize, bytes: usize, limit: i64) {
    for i in 0..count {
        bench.set(&format!("{prefix}:{i:05}"), &vec![b'v'; bytes]).await;
        if i % 50 == 0 {
            let kept = bench.number("SELECT value FROM meta WHERE name = 'bytes'");
            assert!(kept <= limit, "{kept} bytes of {limit}");
        }
    }
}

#[tokio::test]
async fn entries_make_room_for_others_and_guards_do_not() {
    const LIMIT: i64 = 256 << 10;
    let bench = Bench::with(|disk| disk.size_limit(LIMIT.cast_unsigned()));
    assert!(!is_held(&bench.disk, "lock:job").await);
    let stamp = bench.disk.stamp(&["red".into()]).await.unwrap();
    let right = bench.disk.begin_fill(&"computed".into()).await.unwrap();
    fill(&bench, "k", 1_000, 1_000, LIMIT).await;
    let kept = bench.number("SELECT value FROM meta WHERE name = 'bytes'");
    assert!(kept > LIMIT * 9 / 10, "{kept} bytes of {LIMIT}: too much was thrown out");
    assert!(bench.has("k:00999").await && !bench.has("k:00000").await, "the oldest go first");
    assert!(is_held(&bench.disk, "lock:job").await, "values have pushed a lock out");
    assert_eq!(bench.disk.generations(&["red".into()]).await.unwrap(), [Some(stamp[0].nonce())]);
    let mut options = SetOptions::default();
    options.fill = right;
    assert!(bench.disk.set(&"computed".into(), bench.entry(b"v", None), options).await.unwrap());
    check(&bench.file(0));
    let size = std::fs::metadata(bench.file(0)).unwrap().len();
    assert!(size < 2 * LIMIT.cast_unsigned(), "a file of {size} bytes");
}

#[tokio::test]
async fn what_is_expired_goes_before_what_is_old() {
    const LIMIT: i64 = 128 << 10;
    let bench = Bench::with(|disk| disk.size_limit(LIMIT.cast_unsigned()));
    fill(&bench, "old", 40, 1_000, LIMIT).await;
    for i in 0..60 {
        bench.set_for(&format!("short:{i}"), &[b'v'; 1_000], Some(Duration::from_secs(1))).await;
    }
    bench.clock.advance(Duration::from_secs(2));
    fill(&bench, "new", 60, 1_000, LIMIT).await;
    for i in 0..40 {
        assert!(bench.has(&format!("old:{i:05}")).await, "an old entry went and an expired one stayed");
    }
}

#[tokio::test]
async fn what_was_used_of_late_stays() {
    const LIMIT: i64 = 128 << 10;
    let bench = Bench::with(|disk| disk.size_limit(LIMIT.cast_unsigned()));
    fill(&bench, "k", 100, 1_000, LIMIT).await;
    bench.clock.advance(Duration::from_secs(60));
    for i in 0..10 {
        assert!(bench.has(&format!("k:{i:05}")).await);
    }
    fill(&bench, "new", 80, 1_000, LIMIT).await;
    for i in 0..10 {
        assert!(bench.has(&format!("k:{i:05}")).await, "k:{i} was read a moment ago");
    }
    assert!(!bench.has("k:00015").await, "nobody has read it");
    assert!(bench.has("new:00079").await, "the newest is the latest of all");
}

#[tokio::test]
async fn what_is_larger_than_the_limit_is_not_stored_and_replaces_all_the_same() {
    let bench = Bench::with(|disk| disk.size_limit(64 << 10));
    bench.set("k", b"old").await;
    bench.set("other", b"v").await;
    assert!(!bench.store("k", &vec![b'v'; 64 << 10], None).await);
    assert!(!bench.has("k").await, "the old value was replaced");
    assert!(bench.has("other").await, "what cannot fit makes no room");
    check(&bench.file(0));
}

#[tokio::test]
async fn a_condition_that_holds_for_what_is_too_large_changes_nothing() {
    let bench = Bench::with(|disk| disk.size_limit(64 << 10));
    bench.set("k", b"small").await;
    bench.set("other", b"v").await;
    let (k, nothing, large) =
        (Key::from("k"), Key::from("nothing"), || bench.entry(&vec![b'v'; 64 << 10], None));
    let right = bench.disk.begin_fill(&k).await.unwrap();
    assert!(bench.disk.begin_fill(&nothing).await.unwrap().is_some());
    let mut filled = SetOptions::default();
    filled.fill = right;
    assert!(!bench.disk.set(&k, large(), filled).await.unwrap());
    for (key, only_if) in [(&k, SetIf::Present), (&nothing, SetIf::Absent)] {
        let mut options = SetOptions::default();
        options.only_if = only_if;
        assert!(!bench.disk.set(key, large(), options).await.unwrap());
    }
    let read = bench.disk.get(&k).await.unwrap().unwrap();
    assert!(!bench.disk.compare_and_set(&k, &read, large()).await.unwrap());
    assert_eq!(bench.get("k").await.unwrap(), b"small");
    assert!(bench.has("other").await, "what cannot fit makes no room");
    assert_eq!(bench.number("SELECT count(*) FROM fills"), 2, "what was begun is not overtaken by nothing");
    assert!(bench.disk.set(&k, bench.entry(b"filled", None), filled).await.unwrap());
    check(&bench.file(0));
}

#[tokio::test]
async fn what_was_begun_before_a_recomputation_is_not_stored_although_that_was_too_large() {
    let bench = Bench::with(|disk| disk.size_limit(64 << 10));
    let key = Key::from("k");
    let mut options = SetOptions::default();
    options.fill = bench.disk.begin_fill(&key).await.unwrap();
    let older = options;
    options.supersedes = true;
    let large = bench.entry(&vec![b'v'; 64 << 10], None);
    assert!(!bench.disk.set(&key, large, options).await.unwrap());
    assert!(!bench.disk.set(&key, bench.entry(b"older", None), older).await.unwrap());
    assert!(!bench.has("k").await);
}

#[tokio::test]
async fn what_just_fits_pushes_all_others_out_and_stays() {
    let bench = Bench::with(|disk| disk.size_limit(64 << 10));
    bench.set("other", b"v").await;
    let largest = vec![b'v'; (64 << 10) - 128 - 1];
    bench.set("k", &largest).await;
    assert!(bench.get("k").await.is_some_and(|found| found == largest));
    assert!(!bench.has("other").await);
    bench.set("next", b"v").await;
    assert!(bench.has("next").await && !bench.has("k").await);
    check(&bench.file(0));
}

#[tokio::test]
async fn a_limit_holds_for_many_at_once_and_for_each_shard() {
    let bench = Bench::with(|disk| disk.size_limit(512 << 10).shards(2));
    let many = (0..5_000).map(|i| (Key::from(format!("k{i}")), bench.entry(&[b'v'; 500], None))).collect();
    bench.disk.set_many(many).await.unwrap();
    for shard in 0..2 {
        let kept = support::number(&bench.file(shard), "SELECT value FROM meta WHERE name = 'bytes'");
        assert!((200 << 10..=256 << 10).contains(&kept), "{kept} bytes in shard {shard}");
        check(&bench.file(shard));
    }
}

#[tokio::test]
async fn without_a_limit_everything_stays() {
    let bench = Bench::with(|disk| disk.size_limit(0));
    let many = (0..2_000).map(|i| (Key::from(format!("k{i}")), bench.entry(&[b'v'; 500], None))).collect();
    bench.disk.set_many(many).await.unwrap();
    assert_eq!(bench.number("SELECT count(*) FROM entries"), 2_000);
}

// ── Purging ──

#[tokio::test]
async fn expired_entries_are_taken_out_and_their_space_is_given_back() {
    let bench = Bench::with(|disk| disk.check_interval(Duration::ZERO));
    let minute = Duration::from_secs(60);
    let many =
        (0..3_000).map(|i| (Key::from(format!("k{i}")), bench.entry(&[b'v'; 2_000], Some(minute)))).collect();
    bench.disk.set_many(many).await.unwrap();
    bench.set("stays", b"v").await;
    let pages = bench.number("PRAGMA page_count");
    assert_eq!(bench.disk.purge_expired().await.unwrap(), 0);
    bench.clock.advance(minute);
    assert_eq!(bench.disk.purge_expired().await.unwrap(), 3_000);
    assert_eq!(bench.number("SELECT count(*) FROM entries"), 1);
    let left = bench.number("PRAGMA page_count");
    assert!(left < pages / 3, "{left} of {pages} pages are left");
    assert!(bench.has("stays").await);
    check(&bench.file(0));
}

#[tokio::test]
async fn several_who_purge_and_make_room_in_one_directory_keep_the_books_right() {
    const LIMIT: i64 = 512 << 10;
    let settings = |disk: cache_backends::DiskBuilder| {
        disk.size_limit(LIMIT.cast_unsigned()).check_interval(Duration::ZERO)
    };
    let bench = Bench::with(settings);
    let other = bench.again(settings);
    let (minute, early) = (Duration::from_secs(60), Key::from("early"));
    other.set(&early, bench.entry(b"v", None), SetOptions::default()).await.unwrap();
    let many = |name: &str, life| -> Vec<_> {
        (0..3_000).map(|i| (Key::from(format!("{name}{i}")), bench.entry(&[b'v'; 20], life))).collect()
    };
    bench.disk.set_many(many("short", Some(minute))).await.unwrap();
    bench.clock.advance(minute);
    let (one, two) = tokio::join!(bench.disk.purge_expired(), other.purge_expired());
    assert_eq!(one.unwrap() + two.unwrap(), 3_000, "each is taken out once");
    let (one, two) = tokio::join!(bench.disk.set_many(many("a", None)), other.set_many(many("b", None)));
    assert!(one.is_ok() && two.is_ok());
    let kept = bench.number("SELECT value FROM meta WHERE name = 'bytes'");
    assert!((LIMIT * 9 / 10..=LIMIT).contains(&kept), "{kept} bytes of {LIMIT}");
    assert!(other.get(&early).await.unwrap().is_none(), "what one throws out is a miss for the other");
    check(&bench.file(0));
}

#[tokio::test]
async fn a_disk_purges_by_itself_while_it_is_used() {
    let bench = Bench::with(|disk| disk.check_interval(Duration::from_secs(30)));
    bench.set_for("short", b"v", Some(Duration::from_secs(5))).await;
    bench.set("stays", b"v").await;
    assert_eq!(bench.number("SELECT count(*) FROM entries"), 2);
    bench.clock.advance(Duration::from_secs(30));
    bench
        .until("an expired entry is still in the file", |bench| {
            bench.number("SELECT count(*) FROM entries") == 1
        })
        .await;
    assert!(bench.has("stays").await);
}

#[tokio::test]
async fn what_nobody_carries_or_gave_back_does_not_pile_up() {
    let bench = Bench::new();
    let tags: Vec<Key> = (0..500).map(|i| Key::from(format!("tag:{i}"))).collect();
    let stamps = bench.disk.stamp(&tags).await.unwrap();
    let carried = bench.entry(b"v", Some(HOUR * 10)).stamped(stamps[..1].to_vec());
    bench.disk.set(&"k".into(), carried, SetOptions::default()).await.unwrap();
    bench.disk.begin_fill(&"abandoned".into()).await.unwrap();
    assert!(!is_held(&bench.disk, "lock:job").await);
    let rows = |bench: &Bench, table| bench.number(&format!("SELECT count(*) FROM {table}"));
    bench.disk.purge_expired().await.unwrap();
    assert_eq!(["tags", "fills", "states"].map(|table| rows(&bench, table)), [500, 1, 1], "all are in use");
    bench.clock.advance(HOUR * 4);
    bench.disk.purge_expired().await.unwrap();
    assert_eq!(["tags", "fills", "states"].map(|table| rows(&bench, table)), [1, 0, 0]);
    let stands = bench.disk.generations(&tags[..2]).await.unwrap();
    assert_eq!(stands, [Some(stamps[0].nonce()), None], "what an entry carries is kept as long as it lives");
    bench.clock.advance(HOUR * 10);
    bench.disk.purge_expired().await.unwrap();
    assert_eq!(rows(&bench, "tags"), 0);
}

#[tokio::test]
async fn a_generation_that_entries_of_several_shards_carry_is_kept_as_long_as_they_live() {
    let bench = Bench::with(|disk| disk.shards(4));
    let stamps = bench.disk.stamp(&["red".into()]).await.unwrap();
    for i in 0..16 {
        let entry = bench.entry(b"v", Some(HOUR * 10)).stamped(stamps.clone());
        bench.disk.set(&Key::from(format!("k{i}")), entry, SetOptions::default()).await.unwrap();
    }
    bench.clock.advance(HOUR * 9);
    bench.disk.purge_expired().await.unwrap();
    assert_eq!(bench.disk.generations(&["red".into()]).await.unwrap(), [Some(stamps[0].nonce())]);
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 16);
}

// ── Reading ──

#[tokio::test]
async fn large_values_and_long_keys_come_back() {
    let bench = Bench::new();
    let key = "k".repeat(cache_core::MAX_KEY);
    let value: Vec<u8> = (0..32u32 << 20).map(|i| (i % 251) as u8).collect();
    bench.set(&key, &value).await;
    assert!(bench.get(&key).await.is_some_and(|found| found == value));
    check(&bench.file(0));
}

#[tokio::test]
async fn a_long_listing_goes_part_by_part_and_is_whole() {
    let bench = Bench::new();
    let many = |from: u32, to| (from..to).map(|i| (Key::from(format!("k{i:06}")), bench.entry(b"v", None)));
    bench.disk.set_many(many(0, 25_000).collect()).await.unwrap();
    assert_eq!(bench.disk.scan(&Pattern::new("k*")).await.unwrap().len(), 25_000);
    assert_eq!(bench.disk.delete_match(&Pattern::new("k*5")).await.unwrap(), 2_500);
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 22_500);
    assert_eq!(bench.disk.delete_match(&Pattern::new("*")).await.unwrap(), 22_500);
    check(&bench.file(0));
}

// ── Waiting for others ──

/// Somebody else holds the database for as long as this is there.
fn hold(bench: &Bench) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(bench.file(0)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test]
async fn a_store_dropped_while_others_held_the_disk_is_never_done_and_a_deletion_is() {
    let bench = Bench::new();
    bench.set("deleted", b"v").await;
    let other = hold(&bench);
    for _ in 0..3 {
        assert!(drop_after(1, bench.store("stored", b"late", None)).await.is_none());
        assert!(drop_after(1, bench.disk.increment(&"n".into(), Increment::new(1, None))).await.is_none());
    }
    assert!(drop_after(1, bench.disk.delete(&"deleted".into())).await.is_none());
    other.execute_batch("COMMIT").unwrap();
    // After all that was asked before.
    bench.set("last", b"v").await;
    assert!(!bench.has("stored").await && !bench.has("n").await);
    assert!(!bench.has("deleted").await, "a deletion too many is harmless, one too few is not");
}

#[tokio::test]
async fn values_whose_callers_have_left_are_let_go_while_others_hold_the_disk() {
    let bench = Bench::new();
    bench.set("k", b"v").await;
    let read = bench.disk.get(&"k".into()).await.unwrap().unwrap();
    let other = hold(&bench);
    let mut left = Vec::new();
    let mut entry = || {
        let entry = bench.entry(&[b'v'; 10_000], None);
        left.push(Arc::downgrade(&entry));
        entry
    };
    for i in 0..20 {
        let (key, always) = (Key::from(format!("k{i}")), SetOptions::default());
        assert!(drop_after(1, bench.disk.set(&key, entry(), always)).await.is_none());
        let several = vec![(key, entry()), ("many".into(), entry())];
        assert!(drop_after(1, bench.disk.set_many(several)).await.is_none());
        assert!(drop_after(1, bench.disk.compare_and_set(&"k".into(), &read, entry())).await.is_none());
    }
    let waits = bench.entry(b"waits", None);
    let key = Key::from("waits");
    let mut wait = std::pin::pin!(bench.disk.set(&key, waits, SetOptions::default()));
    assert!(drop_after(1, wait.as_mut()).await.is_none());
    let kept = left.iter().filter(|entry| entry.strong_count() > 0).count();
    assert_eq!((kept, left.len()), (0, 80));
    other.execute_batch("COMMIT").unwrap();
    assert!(wait.await.unwrap());
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 2, "`k` and what was waited for");
    assert_eq!(bench.get("k").await.unwrap(), b"v");
}

#[tokio::test]
async fn who_reads_does_not_wait_for_who_writes() {
    let bench = Bench::new();
    bench.set("k", b"v").await;
    let other = hold(&bench);
    assert!(bench.has("k").await);
    assert_eq!(bench.disk.scan(&Pattern::new("*")).await.unwrap().len(), 1);
    other.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
async fn a_number_that_was_counted_away_and_back_is_not_replaced() {
    let bench = Bench::new();
    let key = Key::from("n");
    let count = |by| bench.disk.increment(&key, Increment::new(by, None));
    count(5).await.unwrap();
    let read = bench.disk.get(&"n".into()).await.unwrap().unwrap();
    let seven = || Entry::new(7_i64, Meta::new(bench.clock.now(), Time::NEVER));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!((count(1).await.unwrap(), count(-1).await.unwrap()), (6, 5));
    assert!(!bench.disk.compare_and_set(&"n".into(), &read, seven()).await.unwrap());
    let read = bench.disk.get(&"n".into()).await.unwrap().unwrap();
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.disk.compare_and_set(&"n".into(), &read, seven()).await.unwrap());
    assert_eq!(count(0).await.unwrap(), 7);
}

// ── Putting together ──

#[tokio::test]
async fn urls_builders_and_types_do_the_same() {
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().display();
    let urls = [
        format!("disk://{path}/a"),
        format!("disk://?directory={path}/b&timeout=1&shards=0"),
        format!("disk://{path}/c?size_limit=10MB&shards=2&check_interval=5s&ttl=1h"),
    ];
    for url in &urls {
        let cache = Cache::builder().route("", url.as_str()).build().await.unwrap();
        for key in ["a", "b", "c", "d", "e"] {
            cache.set(key, "v").timeout("20s").await.unwrap();
            assert_eq!(cache.get::<String>(key).timeout("20s").await.unwrap().as_deref(), Some("v"), "{url}");
        }
        cache.close().await.unwrap();
    }
    for (directory, files) in [("a", 1), ("b", 1), ("c", 2)] {
        let found = std::fs::read_dir(home.path().join(directory)).unwrap();
        let names: Vec<_> = found.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), files, "{names:?}: closed by the last, a file is all there is");
    }
    let disk = Disk::builder().directory(home.path().join("a"));
    assert!(disk.clone().build().into_backend().is_ok() && disk.into_backend().is_ok());
}

#[tokio::test]
async fn a_disk_option_that_is_wrong_stops_the_set_up() {
    for (url, said) in [
        ("disk://?size_limit=much", "expected bytes, or a size such as 512MB"),
        ("disk://?size_limit=1000", "`size_limit` = 1000 is too small"),
        ("disk://?shards=100", "there can be 32 at most"),
        ("disk://?check_interval=often", "expected a duration"),
        ("disk://?colour=red", "has no option `colour`"),
        ("disk:///a?directory=b", "names a directory twice"),
        ("disk://host:80/a", "not by a server"),
    ] {
        let error = Cache::builder().route("", url).build().await.unwrap_err();
        assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
    }
}

#[test]
fn without_a_name_the_directory_is_one_of_this_user_and_program() {
    let disk = Disk::default();
    let directory = disk.directory();
    assert!(directory.starts_with(std::env::temp_dir()), "{directory:?}");
    let program = std::env::current_exe().unwrap();
    assert_eq!(directory.file_name(), program.file_stem());
    assert_eq!(directory, Disk::builder().build().directory(), "the same each time");
}
