use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, EventKind, IntoRoute, cached, circuit_breaker, early, invalidate, rate_limit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::AppError;
use super::support::{Events, Fixture, settle};
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/fleet.md");

/// What all processes have in common beside the cache.
struct World {
    name: Mutex<String>,
    queries: AtomicU32,
    offers: AtomicU32,
    rates: AtomicU32,
    /// A query takes until it is let through.
    gate: Semaphore,
}

static WORLD: World = World {
    name: Mutex::new(String::new()),
    queries: AtomicU32::new(0),
    offers: AtomicU32::new(0),
    rates: AtomicU32::new(0),
    gate: Semaphore::const_new(0),
};

async fn read(_: u64) -> Result<String, AppError> {
    WORLD.queries.fetch_add(1, SeqCst);
    drop(WORLD.gate.acquire().await.unwrap());
    Ok(WORLD.name.lock().unwrap().clone())
}

async fn write(_: u64, name: &str) -> Result<(), AppError> {
    name.clone_into(&mut WORLD.name.lock().unwrap());
    Ok(())
}

async fn look_for(_: &str) -> Result<u32, AppError> {
    Ok(1)
}

async fn ask_the_supplier() -> Result<u32, AppError> {
    WORLD.offers.fetch_add(1, SeqCst);
    Err(AppError::Timeout)
}

async fn ask_the_bank() -> Result<u32, AppError> {
    Ok(WORLD.rates.fetch_add(1, SeqCst))
}

#[cached(ttl = "10m", key = "product:<id>", tags = ["catalogue"], lock = true)]
async fn product(id: u64) -> Result<String, AppError> {
    read(id).await
}

#[invalidate(product(id = id))]
async fn rename(id: u64, name: &str) -> Result<(), AppError> {
    write(id, name).await
}

#[rate_limit(limit = 4, period = "1m", key = "search:<client>", algorithm = "sliding")]
async fn search(client: &str) -> Result<u32, AppError> {
    look_for(client).await
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "10s", min_calls = 4)]
async fn offer() -> Result<u32, AppError> {
    ask_the_supplier().await
}

#[early(ttl = "1h", early_ttl = "1m", key = "rates")]
async fn rates() -> Result<u32, AppError> {
    ask_the_bank().await
}

async fn set_up(url: &str) -> macadamia::Result<Cache> {
    Cache::builder().route("", url).build().await
}

async fn two_routes(server: &str) -> macadamia::Result<Cache> {
    Cache::builder().route("", server).route("country:", "mem://?size=1000").build().await
}

async fn limits_here(server: &str) -> macadamia::Result<Cache> {
    Cache::builder().route("", server).route("rate_limit:", "mem://").build().await
}

/// Three processes as the page has them, with their backends.
struct Fleet {
    clock: ManualClock,
    processes: Vec<Fixture>,
}

impl Fleet {
    async fn of<R: IntoRoute>(backends: [R; 3]) -> Self {
        let (clock, mut processes) = (ManualClock::new(), Vec::new());
        for backend in backends {
            let events = Events::default();
            let builder = Cache::builder().route("", backend).clock(clock.clone()).observer(events.clone());
            let cache = builder.build().await.unwrap();
            processes.push(Fixture { cache, clock: clock.clone(), events });
        }
        Self { clock, processes }
    }

    /// The rows of the page.
    async fn story(&self) -> [String; 6] {
        [
            self.cold().await,
            self.again().await,
            self.renamed().await,
            self.searches().await,
            self.failures().await,
            self.refreshes().await,
        ]
    }

    async fn cold(&self) -> String {
        write(7, "the old name").await.unwrap();
        let before = WORLD.queries.load(SeqCst);
        let mut calls = JoinSet::new();
        for process in &self.processes {
            calls.spawn(macadamia::Scope::new().cache(&process.cache).run(product(7)));
        }
        settle().await;
        WORLD.gate.add_permits(1_000);
        while !calls.is_empty() {
            // Who waits for the lease of another asks now and then.
            self.clock.advance(Duration::from_millis(50));
            settle().await;
            while calls.try_join_next().is_some() {}
        }
        match WORLD.queries.load(SeqCst) - before {
            1 => "1 query".to_owned(),
            queries => format!("{queries} queries"),
        }
    }

    async fn again(&self) -> String {
        let mut hits = 0;
        for process in &self.processes {
            let before = process.events.count(EventKind::Hit);
            process.run(product(7)).await.unwrap();
            hits += process.events.count(EventKind::Hit) - before;
        }
        format!("{hits} hits")
    }

    async fn renamed(&self) -> String {
        self.processes[0].run(rename(7, "the new name")).await.unwrap();
        assert_eq!(self.processes[0].run(product(7)).await.unwrap(), "the new name");
        let others = [&self.processes[1], &self.processes[2]];
        let [one, other] = others.map(|process| process.run(product(7)));
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!(one, other);
        one
    }

    async fn searches(&self) -> String {
        let mut admitted = 0;
        for process in &self.processes {
            for _ in 0..6 {
                admitted += u32::from(process.run(search("Ada")).await.is_ok());
            }
        }
        format!("{admitted} admitted")
    }

    async fn failures(&self) -> String {
        for _ in 0..4 {
            assert_eq!(self.processes[0].run(offer()).await, Err(AppError::Timeout));
        }
        let before = WORLD.offers.load(SeqCst);
        for process in &self.processes[1..] {
            assert!(process.run(offer()).await.is_err());
        }
        match WORLD.offers.load(SeqCst) - before {
            0 => "leave him alone".to_owned(),
            _ => "ask him too".to_owned(),
        }
    }

    async fn refreshes(&self) -> String {
        for process in &self.processes {
            process.run(rates()).await.unwrap();
        }
        self.clock.advance(Duration::from_secs(60));
        let before = WORLD.rates.load(SeqCst);
        for process in &self.processes {
            process.run(rates()).await.unwrap();
            settle().await;
        }
        match WORLD.rates.load(SeqCst) - before {
            1 => "1 asks the bank".to_owned(),
            many => format!("{many} ask the bank"),
        }
    }
}

#[tokio::test]
async fn what_changes_when_three_processes_share_a_server_is_drawn() {
    let memory = || macadamia::Memory::builder().check_interval(Duration::ZERO).build();
    let own = Fleet::of([memory(), memory(), memory()]).await.story().await;
    let wire = Wire::new();
    let shared = Fleet::of([wire.clone(), wire.clone(), wire.clone()]).await.story().await;
    let mut timeline = Timeline::of([
        "",
        "everybody asks for a product",
        "everybody asks again",
        "one renames it, the others have",
        "six searches in each, limit = 4",
        "the supplier fails in one, the others",
        "rates are due, and everybody asks",
    ]);
    for (title, [cold, again, renamed, searches, failures, refreshes]) in
        [("mem:// in each", own), ("one redis:// for all", shared)]
    {
        timeline.push([&title, &cold, &again, &renamed, &searches, &failures, &refreshes]);
    }
    timeline.is_drawn_in(PAGE);
}

#[tokio::test]
async fn routes_to_memory_stand_beside_the_server() {
    // Any backend of bytes: nothing is stored here.
    let server = "null://";
    set_up(server).await.unwrap();
    let two = two_routes(server).await.unwrap();
    two.set("country:de", "Germany").await.unwrap();
    assert_eq!(two.get::<String>("country:de").await.unwrap().as_deref(), Some("Germany"));
    let limits = limits_here(server).await.unwrap();
    let admitted = async || macadamia::Scope::new().cache(&limits).run(search("Grace")).await.is_ok();
    let mut count = 0;
    for _ in 0..6 {
        count += u32::from(admitted().await);
    }
    assert_eq!(count, 4);
}
