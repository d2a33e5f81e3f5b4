//! What a value costs on its way to a backend of bytes and back: the bare codec, the envelope alone, and both with
//! everything around them as `Cache::set` and `get` do it, over a backend that keeps one entry and answers at once.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use macadamia::envelope::{Digest, Envelope, Head, Keyring};
use macadamia::{Backend, BoxFuture, Cache, Entry, Key, Kind, Result, Route, SetOptions};
use serde::{Deserialize, Serialize};

use crate::{median, now};

const SIZES: [usize; 3] = [64, 1024, 65_536];
const SECRET: &str = "thirty-two random bytes or so...";

/// As records are: some numbers, some names, and a text that fills the rest.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    id: u64,
    rank: Option<u32>,
    tags: Vec<String>,
    text: String,
}

impl Record {
    /// One that takes about so many bytes.
    fn of(size: usize) -> Self {
        let words = "nuts are in demand, and the tree bears them in its own time; ";
        let text = words.chars().cycle().take(size.saturating_sub(24)).collect();
        Self { id: 123_456_789, rank: Some(7), tags: vec!["new".to_owned(), "sale".to_owned()], text }
    }
}

/// Keeps the last entry.
#[derive(Default)]
struct One(Mutex<Option<Arc<Entry>>>);

impl Backend for One {
    fn name(&self) -> &'static str {
        "one"
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async { Ok(self.0.lock().expect("no panic").clone()) })
    }

    fn set<'a>(&'a self, _: &'a Key, entry: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        *self.0.lock().expect("no panic") = Some(entry);
        Box::pin(async { Ok(true) })
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

type Step = Box<dyn Fn()>;

/// One way there and one back.
struct Way {
    name: String,
    there: Step,
    back: Step,
}

fn bare(record: &Record) -> Vec<Way> {
    let config = bincode::config::standard();
    let way = |name: &str, there: Step, back: Step| Way { name: name.to_owned(), there, back };
    let (one, two, three) = (record.clone(), record.clone(), record.clone());
    let binary = bincode::serde::encode_to_vec(record, config).expect("encodes");
    let json = serde_json::to_vec(record).expect("encodes");
    let pack = rmp_serde::to_vec_named(record).expect("encodes");
    vec![
        way(
            "bare bincode",
            Box::new(move || drop(black_box(bincode::serde::encode_to_vec(&one, config)))),
            Box::new(move || {
                drop(black_box(bincode::serde::decode_from_slice::<Record, _>(&binary, config)));
            }),
        ),
        way(
            "bare serde_json",
            Box::new(move || drop(black_box(serde_json::to_vec(&two)))),
            Box::new(move || drop(black_box(serde_json::from_slice::<Record>(&json)))),
        ),
        way(
            "bare rmp-serde, named",
            Box::new(move || drop(black_box(rmp_serde::to_vec_named(&three)))),
            Box::new(move || drop(black_box(rmp_serde::from_slice::<Record>(&pack)))),
        ),
    ]
}

fn envelopes(size: usize) -> Vec<Way> {
    let head = Head {
        kind: Kind::Value,
        codec: 1,
        schema: 7,
        version: 0,
        stored: 1_700_000_000_000_000_000,
        expires: u64::MAX,
        fresh_until: u64::MAX,
        cost: Duration::ZERO,
        nonce: 7,
    };
    let keys = |digest| Keyring::new(digest, [SECRET]).expect("long enough");
    let ways = [
        ("envelope", Envelope::new()),
        ("envelope, sha256", Envelope::new().signed(keys(Digest::Sha256))),
        ("envelope, sha1", Envelope::new().signed(keys(Digest::Sha1))),
    ];
    ways.into_iter()
        .map(|(name, envelope)| {
            let payload: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let sealed: Bytes = envelope.seal("user:1:profile", &head, &[], &payload).expect("small enough");
            let opening = envelope.clone();
            Way {
                name: name.to_owned(),
                there: Box::new(move || {
                    drop(black_box(envelope.seal("user:1:profile", &head, &[], &payload)))
                }),
                back: Box::new(move || drop(black_box(opening.open("user:1:profile", &sealed)))),
            }
        })
        .collect()
}

fn caches(record: &Record) -> Vec<Way> {
    let mut ways = Vec::new();
    let variants: [(&str, fn(Route) -> Route); 6] = [
        ("bincode", |route| route),
        ("bincode, sha256", |route| route.secret(SECRET)),
        ("bincode, lz4", |route| route.compress("lz4")),
        ("bincode, zstd", |route| route.compress("zstd")),
        ("json", |route| route.codec("json")),
        ("msgpack", |route| route.codec("msgpack")),
    ];
    for (name, said) in variants {
        let route = said(Route::to(One::default()));
        let cache = now(Cache::builder().route("", route).build()).expect("a cache");
        now(async { cache.set("user:1:profile", record).await }).expect("stored");
        let (reading, record) = (cache.clone(), record.clone());
        ways.push(Way {
            name: format!("set, get: {name}"),
            there: Box::new(move || {
                let _ = black_box(now(async { cache.set("user:1:profile", &record).await }));
            }),
            back: Box::new(move || {
                let _ = black_box(now(async { reading.get::<Record>("user:1:profile").await }));
            }),
        });
    }
    ways
}

fn micros(step: &Step, rounds: u32) -> f64 {
    let started = Instant::now();
    for _ in 0..rounds {
        step();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

pub fn run() {
    for size in SIZES {
        let record = Record::of(size);
        let ways: Vec<Way> =
            [bare(&record), envelopes(size), caches(&record)].into_iter().flatten().collect();
        let rounds = if size > 10_000 { 200 } else { 5_000 };
        let mut times = vec![(Vec::new(), Vec::new()); ways.len()];
        for _ in 0..15 {
            for (index, way) in ways.iter().enumerate() {
                times[index].0.push(micros(&way.there, rounds));
                times[index].1.push(micros(&way.back, rounds));
            }
        }
        println!("\n{:38} {:>10} {:>10}", format!("{size} bytes, µs"), "there", "back");
        for (way, (there, back)) in ways.iter().zip(times) {
            println!("{:38} {:10.2} {:10.2}", way.name, median(there), median(back));
        }
    }
}
