//! Other processes: this test binary once more, doing what it is told line by line.
//!
//! A test binary that uses them has the test `a_child_does_what_each_line_says`, which is where they begin.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cache_backends::Disk;
use cache_core::testing::ManualClock;
use cache_core::{
    Backend, Cache, Clock, Encoded, Entry, Error, Fill, Key, LockGuard, Meta, Result, Route, SetOptions, Time,
};

const ROLE: &str = "MACADAMIA_TEST_DISK";
const BEGINNING: &str = "a_child_does_what_each_line_says";
/// Before each answer: a test binary says other things too.
const MARK: &str = "@";

/// A machine that is busy with other tests may take longer than anybody would wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Another process; killed and waited for when it is dropped.
pub struct Child {
    process: Process,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The beginning of a process with this disk.
pub fn command(url: &str) -> Command {
    of(&std::env::current_exe().unwrap(), url)
}

pub fn of(binary: &Path, url: &str) -> Command {
    let mut command = Command::new(binary);
    command.args([BEGINNING, "--exact", "--nocapture"]).env(ROLE, url);
    command
}

pub fn at(directory: &Path) -> Child {
    Child::begin(&mut command(&url(directory)))
}

pub fn url(directory: &Path) -> String {
    format!("disk://{}", directory.display())
}

impl Child {
    pub fn begin(command: &mut Command) -> Self {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut child = Self { process, orders, answers };
        assert_eq!(child.hear().as_deref(), Some("ready"));
        child
    }

    pub fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// The next answer; `None` from the dead.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            let line = self.answers.next()?.ok()?;
            // The name of the test stands before the first.
            if let Some((_, answer)) = line.split_once(MARK) {
                return Some(answer.to_owned());
            }
        }
    }

    pub fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        self.hear().unwrap_or_else(|| panic!("the child died of {order:?}"))
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a child has in its hands.
pub struct Hands {
    disk: Option<Disk>,
    cache: Option<Cache>,
    clock: Option<ManualClock>,
    rights: HashMap<String, Fill>,
    locks: HashMap<String, LockGuard>,
}

/// In a child, what it does until its parent is gone, and then it ends; in a parent, nothing.
pub async fn obey_if_child() {
    let Ok(url) = std::env::var(ROLE) else { return };
    let mut hands = Hands::new(&url).await.unwrap();
    println!("{MARK}ready");
    for line in std::io::stdin().lines() {
        let answer = match hands.obey(&line.unwrap()).await {
            Ok(answer) => answer,
            Err(error) => format!("error: {error}"),
        };
        println!("{MARK}{answer}");
    }
    std::process::exit(0);
}

impl Hands {
    pub async fn new(url: &str) -> Result<Self> {
        // `manual` stands before the URL of one whose clock stands still.
        let clock = url.strip_prefix("manual ").map(|_| ManualClock::new());
        let url = url.strip_prefix("manual ").unwrap_or(url);
        let path = url.strip_prefix("disk://").unwrap_or_default();
        let (path, shards) = path.split_once("?shards=").unwrap_or((path, "1"));
        let disk = Disk::builder().directory(path).shards(shards.parse().unwrap_or(1)).build();
        let mut builder = Cache::builder().route("", Route::to(disk.clone()).timeout(PATIENCE));
        if let Some(clock) = &clock {
            builder = builder.clock(clock.clone());
        }
        let cache = builder.build().await?;
        Ok(Self {
            disk: Some(disk),
            cache: Some(cache),
            clock,
            rights: HashMap::new(),
            locks: HashMap::new(),
        })
    }

    pub async fn obey(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let gone = || Error::config("it was let go");
        if let ["drop"] = words[..] {
            (self.disk, self.cache) = (None, None);
            return Ok("gone".into());
        }
        if let ["threads"] = words[..] {
            return Ok(threads().to_string());
        }
        let (disk, cache) = (self.disk.as_ref().ok_or_else(gone)?, self.cache.as_ref().ok_or_else(gone)?);
        Ok(match words[..] {
            ["set", key, value, ref tags @ ..] => {
                cache.set(key, value).tags(tags.iter().copied()).await?.to_string()
            }
            ["get", key] => cache.get::<String>(key).await?.unwrap_or_else(|| "nothing".into()),
            ["large", key, bytes] => {
                cache.set(key, &"v".repeat(bytes.parse().unwrap_or(0))).await?.to_string()
            }
            // Both at once, so that they come into one transaction.
            ["beside", key, bytes] => {
                let large = "v".repeat(bytes.parse().unwrap_or(0));
                let (small, large) = tokio::join!(cache.set(key, "small"), cache.set("large", &large));
                format!("{} {}", small.is_ok(), large.is_ok())
            }
            ["delete", key] => cache.delete(key).await?.to_string(),
            ["scan", pattern] => cache.scan(pattern).await?.len().to_string(),
            ["clear"] => cache.clear().await.map(|()| "clear".into())?,
            ["tags", tag] => cache.delete_tags([tag]).await.map(|()| "deleted".into())?,
            ["count", key, times] => {
                let mut sum = 0;
                for _ in 0..times.parse().unwrap_or(0) {
                    sum = cache.incr(key).await?;
                }
                sum.to_string()
            }
            ["lock", key] => match cache.lock(key, "1h").wait(false).await {
                Ok(guard) => {
                    let fence = format!("{:?}", guard.fence());
                    self.locks.insert(key.into(), guard);
                    format!("mine {fence}")
                }
                Err(Error::Locked) => "taken".into(),
                Err(error) => return Err(error),
            },
            ["unlock", key] => match self.locks.remove(key) {
                Some(guard) => guard.release().await?.to_string(),
                None => "not mine".into(),
            },
            ["begin", key] => {
                let fill = disk.begin_fill(&key.into()).await?;
                fill.map(|fill| self.rights.insert(key.into(), fill));
                "begun".into()
            }
            ["fill", key, value] => {
                let mut options = SetOptions::default();
                options.fill = self.rights.get(key).copied();
                disk.set(&key.into(), entry(value), options).await?.to_string()
            }
            ["end", key] => {
                self.rights.remove(key).into_iter().for_each(|fill| disk.end_fill(&key.into(), fill));
                "ended".into()
            }
            ["filled", key] => {
                let found = disk.get(&key.into()).await?;
                let bytes = found.and_then(|entry| Some(entry.encoded()?.to_vec()));
                bytes.map_or_else(|| "nothing".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
            }
            ["wait", seconds] => {
                let by = Duration::from_secs(seconds.parse().unwrap_or(0));
                self.clock.iter().for_each(|clock| clock.advance(by));
                "waited".into()
            }
            ["close"] => cache.close().await.map(|()| "closed".into())?,
            // Until it is killed.
            ["flood", round] => {
                for number in 0.. {
                    flood(cache, round, number).await?;
                    println!("{MARK}{number}");
                }
                "never".into()
            }
            _ => return Err(Error::config(format!("no child knows what {line:?} is"))),
        })
    }
}

fn entry(value: &str) -> Arc<Entry> {
    let now = cache_core::SystemClock.now();
    Entry::new(Encoded(value.as_bytes().to_vec().into()), Meta::new(now, Time::NEVER))
}

/// A store of each kind, all of which are there when the last has returned.
async fn flood(cache: &Cache, round: &str, number: usize) -> Result<()> {
    cache.set(&*key(round, number), &value(round, number)).tags([round]).await?;
    cache.set("last", &format!("{round}:{number}")).await?;
    cache.incr(&*format!("count:{round}")).await?;
    if number % 5 == 4 {
        cache.delete(&*key(round, number - 2)).await?;
    }
    Ok(())
}

pub fn key(round: &str, number: usize) -> String {
    format!("flood:{round}:{number}")
}

/// Values of a few bytes and of several pages.
pub fn value(round: &str, number: usize) -> String {
    format!("{round}/{number};").repeat(1 + number * 37 % 1_500)
}

/// Threads of disks in this process.
fn threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    names.filter_map(name).filter(|name| name.trim() == "macadamia-disk").count()
}

/// Whether this process may do what others may not.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Keys of the kind that commands take.
pub fn keys(count: usize) -> Vec<Key> {
    (0..count).map(|i| Key::from(format!("key:{i}"))).collect()
}
