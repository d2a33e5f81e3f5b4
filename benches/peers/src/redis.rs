//! What a hit on a server costs: beside the client it is built on, decoding the same record.
//!
//! A `redis-server` is started on a free port and stopped again. One at a time: each call waits for its answer. 64
//! tasks: each calls again and again. Client time is what the whole process spent, so the server's is not in it.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use macadamia::{Cache, cached};
use macadamia_test_servers::Redis as Server;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

use crate::median;

const KEYS: u64 = 10_000;
const TASKS: u64 = 64;
const ALONE: u64 = 4_000;
const TOGETHER: u64 = 1_000;
const ROUNDS: usize = 7;

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    id: u64,
    name: String,
    tags: Vec<String>,
}

impl Record {
    fn of(id: u64) -> Self {
        let tags = ["new", "sale", "nuts"].map(str::to_owned).to_vec();
        Self { id, name: format!("a name of 24 bytes {id:05}"), tags }
    }
}

#[cached(ttl = "1h", key = "far:user:<id>:profile")]
async fn far(id: u64) -> Arc<Record> {
    Arc::new(Record::of(id))
}

#[cached(ttl = "1h", key = "near:user:<id>:profile")]
async fn near(id: u64) -> Arc<Record> {
    Arc::new(Record::of(id))
}

#[cached(ttl = "1h", key = "here:user:<id>:profile")]
async fn here(id: u64) -> Arc<Record> {
    Arc::new(Record::of(id))
}

async fn bare(connection: &MultiplexedConnection, id: u64) -> Record {
    let mut connection = connection.clone();
    let bytes: Vec<u8> = redis::cmd("GET")
        .arg(format!("bare:user:{id}:profile"))
        .query_async(&mut connection)
        .await
        .expect("the server is there");
    bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).expect("decodes").0
}

type Call = Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

fn call<F: Future<Output = T> + Send + 'static, T>(make: impl Fn(u64) -> F + Send + Sync + 'static) -> Call {
    Arc::new(move |id| {
        let call = make(id);
        Box::pin(async move {
            black_box(call.await);
        })
    })
}

/// What the process has spent, in all its threads.
fn spent() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default())
}

struct Times {
    /// µs of one call, by the wall and of the process.
    alone: (f64, f64),
    /// Thousand calls in a second.
    together: f64,
}

async fn measure(call: &Call) -> Times {
    let (began, used) = (Instant::now(), spent());
    for id in 0..ALONE {
        call(id * 7 % KEYS).await;
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / ALONE as f64;
    let alone = (micros(began.elapsed()), micros(spent() - used));
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let call = Arc::clone(call);
            tokio::spawn(async move {
                for round in 0..TOGETHER {
                    call((task * 131 + round * 17) % KEYS).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    Times { alone, together: (TASKS * TOGETHER) as f64 / began.elapsed().as_secs_f64() / 1e3 }
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(compare());
}

async fn compare() {
    let server = Server::start();
    let client = redis::Client::open(server.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await.expect("the server is there");
    let cache = Cache::builder()
        .route("far:", server.url())
        .route("near:", format!("{}?client_side=true&client_side_size=20000", server.url()))
        .route("here:", "mem://?size=20000")
        .build()
        .await
        .expect("a cache");
    cache.install().expect("the first");
    let mut filling = connection.clone();
    for id in 0..KEYS {
        let bytes =
            bincode::serde::encode_to_vec(Record::of(id), bincode::config::standard()).expect("encodes");
        let () = redis::cmd("SET")
            .arg(format!("bare:user:{id}:profile"))
            .arg(bytes)
            .query_async(&mut filling)
            .await
            .expect("the server is there");
        // Stored, then read: only what was read is kept near.
        for _ in 0..2 {
            far(id).await;
            near(id).await;
            here(id).await;
        }
    }
    let contestants = [
        (
            "redis-rs GET, bincode",
            call(move |id| {
                let connection = connection.clone();
                async move { bare(&connection, id).await }
            }),
        ),
        ("**macadamia `redis://`**", call(far)),
        ("**macadamia `client_side=true`**", call(near)),
        ("macadamia `mem://`", call(here)),
    ];
    let mut rounds: Vec<Vec<Times>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, call), times) in contestants.iter().zip(&mut rounds) {
            times.push(measure(call).await);
        }
    }
    println!("\n| a hit on a server | µs alone | client µs | × first | 64 tasks, kcalls/s | × first |");
    println!("|---|---|---|---|---|---|");
    let of = |times: &[Times], part: fn(&Times) -> f64| median(times.iter().map(part).collect());
    let first = (of(&rounds[0], |times| times.alone.1), of(&rounds[0], |times| times.together));
    for ((name, _), times) in contestants.iter().zip(&rounds) {
        let (wall, used, together) = (
            of(times, |times| times.alone.0),
            of(times, |times| times.alone.1),
            of(times, |times| times.together),
        );
        println!(
            "| {name} | {wall:.1} | {used:.2} | {:.2} | {together:.0} | {:.2} |",
            used / first.0,
            together / first.1
        );
    }
}
