//! What is wrong with a disk is told by each command, and over when it is over.
#![cfg(all(feature = "disk", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::child::{self, Child, Hands};
use support::{Bench, check, file};
use tempfile::TempDir;

use cache_backends::Disk;
use cache_core::{Backend, Increment, Key, Pattern, SetOptions};

#[tokio::test]
async fn a_child_does_what_each_line_says() {
    child::obey_if_child().await;
    let directory = TempDir::new().unwrap();
    let mut hands = Hands::new(&format!("manual {}", child::url(directory.path()))).await.unwrap();
    assert_eq!(hands.obey("wait 3").await.unwrap(), "waited");
    assert_eq!(hands.obey("large k 10000").await.unwrap(), "true");
}

/// What every verb answers.
async fn errors(bench: &Bench, disk: &Disk) -> Vec<String> {
    let (key, keys): (Key, [Key; 1]) = ("k".into(), ["k".into()]);
    let entry = || bench.entry(b"v", None);
    let answers = [
        disk.get(&key).await.map(drop),
        disk.get_many(&keys).await.map(drop),
        disk.set(&key, entry(), SetOptions::default()).await.map(drop),
        disk.set_many(vec![(key.clone(), entry())]).await,
        disk.compare_and_set(&key, &entry(), entry()).await.map(drop),
        disk.delete(&key).await.map(drop),
        disk.delete_many(&keys).await.map(drop),
        disk.delete_match(&Pattern::new("k*")).await.map(drop),
        disk.clear().await,
        disk.scan(&Pattern::new("*")).await.map(drop),
        disk.expire(&key, cache_core::Time::NEVER).await.map(drop),
        disk.increment(&key, Increment::new(1, None)).await.map(drop),
        disk.begin_fill(&key).await.map(drop),
        disk.stamp(&keys).await.map(drop),
        disk.generations(&keys).await.map(drop),
        disk.delete_tags(&keys).await,
        disk.size_of(&key).await.map(drop),
        disk.ping("hello").await.map(drop),
    ];
    answers.into_iter().map(|answer| answer.expect_err("it cannot have worked").to_string()).collect()
}

/// A disk at a path that is not possible, until it is.
async fn fails_and_recovers(said: &str, spoil: impl FnOnce(&Path), mend: impl FnOnce(&Path)) {
    let bench = Bench::new();
    let place = bench.directory.path().join("cache");
    spoil(&place);
    let disk = bench.again(|disk| disk.directory(&place));
    for error in errors(&bench, &disk).await {
        assert!(error.contains(said) && error.contains(&*place.to_string_lossy()), "{error}");
    }
    disk.end_fill(&"k".into(), cache_core::Fill(1));
    mend(&place);
    bench.clock.advance(Duration::from_secs(1));
    assert!(disk.set(&"k".into(), bench.entry(b"v", None), SetOptions::default()).await.unwrap());
    assert!(disk.get(&"k".into()).await.unwrap().is_some());
    disk.close().await.unwrap();
    check(&file(&place, 0));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_told() {
    let make_file = |place: &Path| fs::write(place, "a file").unwrap();
    fails_and_recovers("exists", make_file, |place| fs::remove_file(place).unwrap()).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_and_left_alone() {
    let text = "no database, but somebody's letters; ".repeat(200);
    let kept = text.clone();
    let spoil = |place: &Path| {
        fs::create_dir(place).unwrap();
        fs::write(file(place, 0), text).unwrap();
    };
    let mend = |place: &Path| {
        assert!(fs::read_to_string(file(place, 0)).unwrap() == kept, "it was touched");
        fs::remove_file(file(place, 0)).unwrap();
    };
    fails_and_recovers("not a database", spoil, mend).await;
}

#[tokio::test]
async fn a_database_of_another_program_is_told_and_left_alone() {
    let spoil = |place: &Path| {
        fs::create_dir(place).unwrap();
        let other = rusqlite::Connection::open(file(place, 0)).unwrap();
        other.execute_batch("CREATE TABLE entries (key TEXT); INSERT INTO entries VALUES ('mine')").unwrap();
    };
    let mend = |place: &Path| {
        let mode = support::number(&file(place, 0), "SELECT count(*) FROM entries");
        assert_eq!(mode, 1);
        assert!(!place.join("cache-0.db-wal").exists(), "its journal was changed");
        fs::remove_file(file(place, 0)).unwrap();
    };
    fails_and_recovers("of another program", spoil, mend).await;
}

#[tokio::test]
async fn a_shard_that_is_broken_leaves_the_others_be() {
    let bench = Bench::with(|disk| disk.shards(4));
    let keys: Vec<String> = (0..40).map(|i| format!("k{i}")).collect();
    for key in &keys {
        bench.set(key, b"v").await;
    }
    bench.disk.close().await.unwrap();
    for name in ["cache-2.db-wal", "cache-2.db-shm"] {
        let _ = fs::remove_file(bench.directory.path().join(name));
    }
    fs::write(bench.file(2), "rubbish ".repeat(1_000)).unwrap();
    let (mut there, mut failed) = (0, 0);
    for key in &keys {
        match bench.disk.get(&key.as_str().into()).await {
            Ok(found) => there += usize::from(found.is_some()),
            Err(_) => failed += 1,
        }
    }
    assert!((4..20).contains(&failed) && there + failed == 40, "{there} there, {failed} failed");
    assert!(bench.disk.clear().await.is_err(), "not all of it could be cleared");
    for key in &keys {
        assert!(!bench.disk.get(&key.as_str().into()).await.is_ok_and(|found| found.is_some()), "{key}");
    }
}

#[tokio::test]
async fn a_file_that_was_removed_is_made_anew_within_a_second() {
    let bench = Bench::new();
    bench.set("k", b"v").await;
    for entry in fs::read_dir(bench.directory.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    bench.clock.advance(Duration::from_secs(1));
    assert!(!bench.has("k").await);
    bench.set("k", b"new").await;
    let other = bench.again(|disk| disk);
    let found = other.get(&"k".into()).await.unwrap().unwrap();
    assert_eq!(&**found.encoded().unwrap(), b"new", "both mean the same file");
}

#[tokio::test]
async fn a_deletion_that_another_process_kept_from_being_done_is_made_up_for() {
    let bench = Bench::new();
    let cache = bench.cache().await;
    cache.set("k", "old").await.unwrap();
    let elsewhere = bench.again(|disk| disk);
    let holder = rusqlite::Connection::open(bench.file(0)).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(cache.delete("k").await.unwrap_err().to_string().contains("cache-0.db"));
    assert_eq!(cache.get::<String>("k").await.unwrap(), None, "it is read still");
    assert!(elsewhere.get(&"k".into()).await.unwrap().is_some(), "nobody could remove it");
    holder.execute_batch("COMMIT").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while elsewhere.get(&"k".into()).await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "it was not removed");
        bench.clock.advance(Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stored = || async { cache.set("k", "new").await.unwrap_or(false) };
    while !stored().await {
        assert!(Instant::now() < deadline, "nothing can be stored under it any more");
        bench.clock.advance(Duration::from_millis(50));
    }
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("new"));
}

/// A copy of this program where anybody can run it, and a directory that anybody can enter.
fn public() -> TempDir {
    let directory =
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let binary = directory.path().join("child");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// The copy, without the powers that override permissions.
fn powerless(directory: &TempDir, url: &str) -> Command {
    let mut command = child::of(&directory.path().join("child"), url);
    if child::is_root() {
        command.uid(65_534).gid(65_534);
    }
    command
}

fn permit(place: &Path, directory: u32, files: u32) {
    for entry in fs::read_dir(place).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(files)).unwrap();
    }
    fs::set_permissions(place, fs::Permissions::from_mode(directory)).unwrap();
}

/// Each of these is answered with an error that names the file.
fn fails(child: &mut Child, orders: &[&str]) {
    for order in orders {
        let told = child.ask(order);
        assert!(told.starts_with("error: backend failed") && told.contains("cache-0.db"), "{order}: {told}");
    }
}

#[test]
fn what_may_not_be_written_is_read_all_the_same() {
    let home = public();
    let place = home.path().join("cache");
    let url = child::url(&place);
    let mut writer = Child::begin(&mut child::command(&format!("manual {url}")));
    assert_eq!(writer.ask("set k v red"), "true");
    assert_eq!(writer.ask("set plain v"), "true");
    // Beside a process that writes, and from files at rest.
    permit(&place, 0o555, 0o444);
    let mut reader = Child::begin(&mut powerless(&home, &format!("manual {url}")));
    assert_eq!(reader.ask("get k"), "v");
    assert_eq!(writer.ask("set plain w"), "true", "it has its files open");
    assert_eq!(reader.ask("get plain"), "w");
    drop(reader);
    permit(&place, 0o755, 0o644);
    assert_eq!(writer.ask("close"), "closed");
    permit(&place, 0o555, 0o444);
    let mut reader = Child::begin(&mut powerless(&home, &format!("manual {url}")));
    assert_eq!(reader.ask("get k"), "v");
    assert_eq!(reader.ask("scan *"), "2");
    fails(&mut reader, &["set k w", "count n 1", "lock job"]);
    assert_eq!(reader.ask("get k"), "v", "failures to write do not keep from reading");
    fails(&mut reader, &["delete k", "tags red", "clear"]);
    assert_eq!(reader.ask("get k"), "nothing", "it was to be removed");
    permit(&place, 0o777, 0o666);
    assert_eq!(reader.ask("wait 2"), "waited");
    assert_eq!(reader.ask("set k w"), "true", "it can be written by now");
    assert_eq!(reader.ask("get k"), "w");
}

#[test]
fn a_directory_that_may_not_be_entered_is_told() {
    let home = public();
    let place = home.path().join("cache");
    fs::create_dir(&place).unwrap();
    permit(&place, 0o000, 0o000);
    let mut child = Child::begin(&mut powerless(&home, &child::url(&place)));
    for order in ["get k", "set k v"] {
        let told = child.ask(order);
        assert!(told.starts_with("error: backend failed") && told.contains("cache-0.db"), "{told}");
    }
    permit(&place, 0o700, 0o600);
}

/// A process whose files cannot grow beyond so many blocks of half a KiB or of one, and which is told so by an error.
fn cramped(place: &Path, blocks: u32) -> Child {
    let plain = child::command(&format!("manual {}", child::url(place)));
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    command.arg(plain.get_program()).args(plain.get_args());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Child::begin(&mut command)
}

/// Stores until that fails; what was stored can be read all the same.
fn fill_up(child: &mut Child) {
    let (mut stored, mut told) = (0, String::new());
    while told.is_empty() {
        assert!(stored < 2_000, "there was room for 40 MB");
        let answer = child.ask(&format!("large k{stored} 20000"));
        if answer == "true" {
            stored += 1;
        } else {
            told = answer;
        }
    }
    assert!(stored > 5 && told.starts_with("error: backend failed"), "{stored}: {told}");
    assert!(told.contains("cache-0.db"), "{told}");
    child.ask("wait 2");
    for i in 0..stored {
        assert!(child.ask(&format!("get k{i}")).starts_with("vvv"), "k{i} of {stored}");
    }
    child.ask("wait 2");
}

#[test]
fn a_file_that_cannot_grow_is_told_and_what_is_there_is_read() {
    let directory = TempDir::new().unwrap();
    let place = directory.path().join("cache");
    let mut child = cramped(&place, 4_000);
    fill_up(&mut child);
    assert_eq!(child.ask("clear"), "clear");
    assert_eq!(child.ask("large again 20000"), "true", "there is room again");
    assert_eq!(child.ask("get k0"), "nothing");
    check(&file(&place, 0));
}

/// A small disk; gone with this.
struct Mounted(TempDir);

impl Mounted {
    /// Where this process may mount one.
    fn new() -> Option<Self> {
        let mounted = Self(TempDir::new().unwrap());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(mounted.0.path());
        mount.output().is_ok_and(|mount| mount.status.success()).then_some(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_what_is_there_is_read() {
    let Some(mounted) = Mounted::new() else {
        // The same by a limit on files is tested everywhere.
        return;
    };
    let (ballast, place) = (mounted.0.path().join("ballast"), mounted.0.path().join("cache"));
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let mut child = Child::begin(&mut child::command(&format!("manual {}", child::url(&place))));
    assert_eq!(child.ask("beside k 5000000"), "true false", "one that asks too much fails for itself alone");
    assert_eq!(child.ask("get k"), "small");
    fill_up(&mut child);
    fs::remove_file(ballast).unwrap();
    assert_eq!(child.ask("large again 20000"), "true", "there is room again");
    assert!(child.ask("get again").starts_with("vvv"));
    assert_eq!(child.ask("delete k0"), "true");
    drop(child);
    check(&file(&place, 0));
}
