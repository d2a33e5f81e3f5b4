//! What a process does: calls of annotated functions, as it is told, line by line, and several at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use macadamia::{Cache, Error, Event, cached, circuit_breaker, early, locked, rate_limit, soft};

pub(crate) const URL: &str = "MACADAMIA_TEST_PROCESS";
pub(crate) const PLACE: &str = "MACADAMIA_TEST_PLACE";

/// Before each answer, followed by the number of the order.
pub(crate) const MARK: &str = "@";

static RUNS: AtomicUsize = AtomicUsize::new(0);
static ROOM: OnceLock<PathBuf> = OnceLock::new();

/// A run of a function: it leaves a trace where all processes see it, and goes on when the gate of `who` is open.
/// What it returns no other run returns.
async fn work(who: &str, note: &str) -> String {
    let place = ROOM.get().unwrap();
    let run = format!("{who}-{}-{}", std::process::id(), RUNS.fetch_add(1, SeqCst));
    tokio::fs::write(place.join(format!("{run}.new")), note).await.unwrap();
    tokio::fs::rename(place.join(format!("{run}.new")), place.join(format!("{run}.begun"))).await.unwrap();
    while !is_open(place, who) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run
}

fn gate(place: &Path, who: &str) -> PathBuf {
    place.join(format!("{who}.open"))
}

fn is_open(place: &Path, who: &str) -> bool {
    gate(place, who).exists()
}

/// Whoever works as `who` may go on.
pub(crate) fn open(place: &Path, who: &str) {
    std::fs::write(gate(place, who), "").unwrap();
}

/// The notes of all runs of `who` so far, in whatever process.
pub(crate) fn begun(place: &Path, who: &str) -> Vec<String> {
    let runs = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: &Path| {
        path.file_name()?.to_str()?.strip_suffix(".begun")?.split('-').next().map(str::to_owned)
    };
    let theirs = runs.filter(|path| of(path).as_deref() == Some(who));
    theirs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[cached(ttl = "1h", key = "plain:<name>", tags = ["plains"])]
async fn plain(name: &str, who: &str) -> String {
    work(who, name).await
}

#[cached(ttl = "1h", key = "cold:<name>", lock = "2s")]
async fn cold(name: &str, who: &str) -> String {
    work(who, name).await
}

#[locked(key = "alone:<name>", ttl = "2s", wait = "60s", fence = token)]
async fn alone(name: &str, who: &str) -> Result<String, Error> {
    let fence = token.get().to_string();
    work(who, &fence).await;
    Ok(format!("{name} {fence}"))
}

#[locked(key = "both:<name>", ttl = "2s", wait = "60s")]
#[cached(ttl = "1h", key = "both:<name>")]
async fn both(name: &str, who: &str) -> Result<String, Error> {
    Ok(work(who, name).await)
}

#[early(ttl = "1h", early_ttl = "1s", key = "fresh:<name>")]
async fn fresh(name: &str, who: &str) -> String {
    work(who, name).await
}

#[soft(ttl = "1h", soft_ttl = "1s", key = "mild:<name>")]
async fn mild(name: &str, who: &str) -> Result<String, Error> {
    Ok(work(who, name).await)
}

#[rate_limit(limit = 20, period = "1h", key = "fixed:<name>", algorithm = "fixed")]
async fn fixed(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

#[rate_limit(limit = 20, period = "1h", key = "sliding:<name>", algorithm = "sliding")]
async fn sliding(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

/// Twenty in an hour are one in three minutes.
#[rate_limit(limit = 20, period = "1h", key = "gcra:<name>", algorithm = "gcra")]
async fn gcra(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

#[circuit_breaker(errors_rate = 50, period = "1h", ttl = "1h", min_calls = 4, key = "shaky:<name>")]
async fn shaky(name: &str, how: &str) -> Result<String, Error> {
    if how == "up" { Ok(work("shaky", name).await) } else { Err(Error::backend("it is down")) }
}

/// In a child, what it is told until its parent hangs up, and then it ends; in a parent, nothing.
pub(crate) async fn obey_if_child() {
    let (Ok(url), Some(place)) = (std::env::var(URL), std::env::var_os(PLACE)) else { return };
    ROOM.set(place.into()).unwrap();
    let events = Arc::<Events>::default();
    let observer = Arc::clone(&events);
    let builder =
        Cache::builder().route("", url.as_str()).observer(move |event: &Event<'_>| observer.note(event));
    let cache = builder.build().await.unwrap();
    cache.clone().install().unwrap();
    println!("{MARK}ready");
    let (orders, mut told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| orders.send(line))
    });
    while let Some(line) = told.recv().await {
        let (cache, events) = (cache.clone(), Arc::clone(&events));
        tokio::spawn(async move {
            let (number, order) = line.split_once(' ').unwrap();
            let answer = obey(&cache, &events, order).await.unwrap_or_else(|error| format!("error: {error}"));
            println!("{MARK}{number} {answer}");
        });
    }
    std::process::exit(0);
}

async fn obey(cache: &Cache, events: &Events, order: &str) -> Result<String, Error> {
    let words: Vec<&str> = order.split(' ').collect();
    Ok(match words[..] {
        ["plain", name, who] => plain(name, who).await,
        ["cold", name, who] => cold(name, who).await,
        ["alone", name, who] => alone(name, who).await?,
        ["both", name, who] => both(name, who).await?,
        ["fresh", name, who] => fresh(name, who).await,
        ["mild", name, who] => mild(name, who).await?,
        ["shaky", name, how] => match shaky(name, how).await {
            Ok(_) => "ok".into(),
            Err(Error::CircuitOpen { .. }) => "refused".into(),
            Err(_) => "failed".into(),
        },
        ["limit", algorithm, name, times] => {
            admitted(algorithm, name, times.parse().unwrap()).await.to_string()
        }
        ["delete", key] => cache.delete(key).await?.to_string(),
        ["match", pattern] => cache.delete_match(pattern).await?.to_string(),
        ["tags", tag] => cache.delete_tags([tag]).await.map(|()| "ended".into())?,
        ["clear"] => cache.clear().await.map(|()| "cleared".into())?,
        ["events", kind] => events.count(kind).to_string(),
        _ => return Err(Error::config(format!("nobody knows what {order:?} is"))),
    })
}

/// How many of so many calls, all at once, are admitted.
async fn admitted(algorithm: &str, name: &str, times: usize) -> usize {
    let calls = (0..times).map(|_| {
        let (algorithm, name) = (algorithm.to_owned(), name.to_owned());
        tokio::spawn(async move {
            let answer = match &*algorithm {
                "fixed" => fixed(&name).await,
                "sliding" => sliding(&name).await,
                _ => gcra(&name).await,
            };
            match answer {
                Ok(_) => 1,
                Err(Error::RateLimited { .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut admitted = 0;
    for call in calls {
        admitted += call.await.unwrap();
    }
    admitted
}

/// What happened in this process, by the names of the kinds.
#[derive(Default)]
struct Events(Mutex<HashMap<String, usize>>);

impl Events {
    fn note(&self, event: &Event<'_>) {
        *self.0.lock().unwrap().entry(format!("{:?}", event.kind)).or_default() += 1;
    }

    fn count(&self, kind: &str) -> usize {
        self.0.lock().unwrap().get(kind).copied().unwrap_or_default()
    }
}
