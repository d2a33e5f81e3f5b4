//! A backend of your own: one file per entry, in a directory.
//!
//! ```text
//! cargo run --example custom_backend
//! ```
//!
//! It keeps bytes, so the cache encodes what it stores and seals it: the backend reads none of it, and keeps no more
//! than the bytes and when they expire. It outlives the program, so that is a time of the world. What it cannot do
//! (tags, locks) it leaves out, and says so when asked. One process at a time may use a directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use macadamia::{
    Backend, BackendUrl, BoxFuture, Cache, Clock, Encoded, Entry, Error, Form, Key, Meta, Moment, Pattern,
    Result, Scheme, Scope, SetIf, SetOptions, SystemClock, cached,
};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

// ── The backend ──

/// Entries as files of one directory.
#[derive(Debug)]
struct Files {
    shelf: Arc<Shelf>,
    /// Commands take turns: each is atomic, and none overtakes another.
    turn: Arc<Mutex<()>>,
}

// `files:///var/cache/reports` now names it in every cache of the program.
macadamia::submit_scheme!(Scheme::new(&["files"], &[], open));

fn open(url: &BackendUrl) -> Result<Arc<dyn Backend>> {
    let directory = Path::new("/").join(url.path());
    fs::create_dir_all(&directory).map_err(Error::backend)?;
    let shelf = Arc::new(Shelf { directory, clock: OnceLock::new() });
    Ok(Arc::new(Files { shelf, turn: Arc::default() }))
}

impl Backend for Files {
    /// Shown in errors and events.
    fn name(&self) -> &'static str {
        "files"
    }

    /// Bytes: the cache encodes what it stores and decodes what it gets.
    fn form(&self) -> Form {
        Form::Bytes
    }

    /// The clock of the cache: expiries are times of it, here they become times of the world.
    fn attach(&self, clock: &Arc<dyn Clock>) {
        // A second cache on this backend would bring the same clock.
        let _ = self.shelf.clock.set(Arc::clone(clock));
    }

    /// The entry, or `None`; an expired one may be shown, the cache judges that.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        let key = key.clone();
        self.on_disk(move |shelf| shelf.read(&key))
    }

    /// Stores it, if the condition holds. Rights to fill (`options.fill`) are the cache's own affair, since
    /// `begin_fill` hands out none.
    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        let key = key.clone();
        self.on_disk(move |shelf| {
            let wanted = match options.only_if {
                SetIf::Always => true,
                SetIf::Absent => !shelf.has_living(&key)?,
                SetIf::Present => shelf.has_living(&key)?,
            };
            if wanted {
                shelf.write(&key, &entry)?;
            }
            Ok(wanted)
        })
    }

    /// Removes it, and tells whether a living entry was there.
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        let key = key.clone();
        self.on_disk(move |shelf| {
            let lived = shelf.has_living(&key)?;
            shelf.remove(&key)?;
            Ok(lived)
        })
    }

    /// Removes all that match, and tells how many living entries went.
    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        let pattern = pattern.clone();
        self.on_disk(move |shelf| {
            let mut lived = 0;
            for key in shelf.keys()?.iter().filter(|key| pattern.matches(key.as_str())) {
                lived += u64::from(shelf.has_living(key)?);
                shelf.remove(key)?;
            }
            Ok(lived)
        })
    }

    /// Removes everything it stored.
    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.on_disk(|shelf| shelf.keys()?.iter().try_for_each(|key| shelf.remove(key)))
    }

    /// The keys of living entries that match.
    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        let pattern = pattern.clone();
        self.on_disk(move |shelf| {
            let mut keys = shelf.keys()?;
            keys.retain(|key| pattern.matches(key.as_str()) && shelf.has_living(key).unwrap_or(false));
            Ok(keys)
        })
    }

    /// Stores it if what is there is still what was read. With this the cache also counts and moves expiries: it takes
    /// the entry out of its envelope and puts it back changed.
    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        let (key, expected) = (key.clone(), expected.encoded().cloned());
        self.on_disk(move |shelf| {
            // No two stores have the same bytes.
            let is_there = shelf.has_living(&key)?
                && shelf.read(&key)?.is_some_and(|there| there.encoded() == expected.as_ref());
            if is_there {
                shelf.write(&key, &entry)?;
            }
            Ok(is_there)
        })
    }

    /// Answers if the directory is there.
    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        let message = message.to_owned();
        self.on_disk(move |shelf| match fs::metadata(&shelf.directory) {
            Ok(_) => Ok(message),
            Err(error) => Err(Error::backend(error)),
        })
    }
}

impl Files {
    /// Runs a command where blocking is allowed. Once begun it ends, even if the caller is gone by then, and
    /// those that come later wait for it: a store cannot arrive after the deletion that followed it.
    fn on_disk<T: Send + 'static>(
        &self,
        command: impl FnOnce(&Shelf) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (files, turn) = (Arc::clone(&self.shelf), Arc::clone(&self.turn));
        Box::pin(async move {
            let turn = turn.lock_owned().await;
            let task = tokio::task::spawn_blocking(move || {
                let _until_done = turn;
                command(&files)
            });
            task.await.map_err(Error::backend)?
        })
    }
}

// ── The files ──

#[derive(Debug)]
struct Shelf {
    directory: PathBuf,
    clock: OnceLock<Arc<dyn Clock>>,
}

impl Shelf {
    /// Now, by the clock of the cache and as the world tells it: times of a clock mean nothing to the next process.
    fn moment(&self) -> Moment {
        self.clock.get().map_or_else(|| Moment::of(&SystemClock), |clock| Moment::of(&**clock))
    }

    /// Keys hold characters that file names cannot; their digest does not.
    fn path(&self, key: &Key) -> PathBuf {
        let digest = Sha256::digest(key.as_str());
        let name = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        self.directory.join(name).with_extension("entry")
    }

    fn read(&self, key: &Key) -> Result<Option<Arc<Entry>>> {
        match fs::read(self.path(key)) {
            // A file that makes no sense, half written or of another program, is no entry.
            Ok(file) => Ok(Record::parse(&file).map(|record| record.into_entry(self.moment()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::backend(error)),
        }
    }

    fn has_living(&self, key: &Key) -> Result<bool> {
        Ok(self.read(key)?.is_some_and(|entry| entry.is_alive_at(self.moment().time)))
    }

    /// Writes beside and renames: a reader finds the old entry or the new one, never half of it.
    fn write(&self, key: &Key, entry: &Entry) -> Result<()> {
        let path = self.path(key);
        let beside = path.with_extension("new");
        let text = Record::of(key, entry, self.moment()).to_bytes();
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).map_err(Error::backend)
    }

    fn remove(&self, key: &Key) -> Result<()> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::backend(error)),
            _ => Ok(()),
        }
    }

    fn keys(&self) -> Result<Vec<Key>> {
        let files = fs::read_dir(&self.directory).map_err(Error::backend)?;
        let records = files.flatten().filter_map(|file| Record::parse(&fs::read(file.path()).ok()?));
        Ok(records.map(|record| Key::from(record.key)).collect())
    }
}

/// A file: a line with its expiry in nanoseconds since 1970 and the length of the key; the key; the sealed bytes.
#[derive(Debug)]
struct Record {
    expires: u64,
    key: String,
    sealed: Vec<u8>,
}

impl Record {
    fn of(key: &Key, entry: &Entry, now: Moment) -> Self {
        let sealed = entry.encoded().map(|bytes| bytes.to_vec()).unwrap_or_default();
        Self { expires: now.wall_of(entry.expires()), key: key.as_str().to_owned(), sealed }
    }

    fn into_entry(self, now: Moment) -> Arc<Entry> {
        Entry::new(Encoded(self.sealed.into()), Meta::new(now.time, now.time_of(self.expires)))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {}\n{}", self.expires, self.key.len(), self.key).into_bytes();
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    fn parse(file: &[u8]) -> Option<Self> {
        let end = file.iter().position(|byte| *byte == b'\n')?;
        let (expires, len) = std::str::from_utf8(&file[..end]).ok()?.split_once(' ')?;
        let (key, sealed) = file[end + 1..].split_at_checked(len.parse().ok()?)?;
        Some(Self {
            expires: expires.parse().ok()?,
            key: String::from_utf8(key.to_vec()).ok()?,
            sealed: sealed.to_vec(),
        })
    }
}

// ── Tested ──

// What every backend must do, as so many tests; what this one leaves out is said.
macadamia::testing::conformance! {
    files,
    {
        let directory = tempfile::tempdir().expect("a directory");
        move || {
            let url = format!("files://{}", directory.path().display());
            async move { open(&BackendUrl::parse(&url).expect("a URL")).expect("a backend") }
        }
    },
    without = [fills, tags, locks, sizes],
    real_time,
}

// ── In use ──

static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Takes long, so its answers are kept on the disk.
#[cached(ttl = "30d", key = "report:<year>:<quarter>")]
async fn report(year: u16, quarter: u8) -> Vec<String> {
    WRITTEN.fetch_add(1, Ordering::SeqCst);
    vec![format!("{year}, quarter {quarter}"), "nuts were in demand".to_owned()]
}

/// A cache as the program builds it at its start.
async fn start(directory: &Path) -> Result<Cache> {
    let files = format!("files://{}?timeout=10s", directory.display());
    Cache::builder().route("", "mem://").route("report:", files).build().await
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::Builder::new().prefix("macadamia-files-").tempdir()?;

    let cache = start(directory.path()).await?;
    let first = Scope::new().cache(&cache).run(report(2026, 3)).await;
    let again = Scope::new().cache(&cache).run(report(2026, 3)).await;
    assert_eq!(first, again);
    assert_eq!(WRITTEN.load(Ordering::SeqCst), 1);
    println!("the report was written once and read twice");

    // Other keys go to memory.
    cache.set("greeting", "hello").await?;
    assert_eq!(fs::read_dir(directory.path())?.count(), 1);
    println!("the directory holds one file, for {}", cache.scan("report:*").await?[0]);

    // As after a restart: nothing is left but the directory.
    drop(cache);
    let cache = start(directory.path()).await?;
    assert_eq!(Scope::new().cache(&cache).run(report(2026, 3)).await, first);
    assert_eq!(WRITTEN.load(Ordering::SeqCst), 1);
    assert_eq!(cache.get::<String>("greeting").await?, None);
    let left = cache.get_expire("report:2026:3").await?.remaining().unwrap_or_default();
    assert!(left > Duration::from_secs(29 * 86_400) && left <= Duration::from_secs(30 * 86_400), "{left:?}");
    println!("a new cache reads it from the directory: {} days left", left.as_secs().div_ceil(86_400));

    assert!(!cache.add("report:2026:3", &vec!["another".to_owned()]).await?);
    assert!(cache.expire("report:2026:3", "1h").await?);
    assert!(cache.get_expire("report:2026:3").await?.remaining() <= Some(Duration::from_secs(3600)));
    assert_eq!(cache.delete_match("report:2026:*").await?, 1);
    Scope::new().cache(&cache).run(report(2026, 3)).await;
    assert_eq!(WRITTEN.load(Ordering::SeqCst), 2);
    println!("deleted, it is written again");

    assert_eq!(cache.incr("report:count").by(2).await?, 2);
    let refusal = cache.set("report:tagged", &1).tags(["reports"]).await.err();
    assert!(refusal.as_ref().is_some_and(Error::is_unsupported), "{refusal:?}");
    println!(
        "it counts, and of tags it says: {}",
        refusal.map(|error| error.to_string()).unwrap_or_default()
    );

    cache.clear().await?;
    assert_eq!(fs::read_dir(directory.path())?.count(), 0);
    Ok(())
}
