//! How values become bytes and values again: by which codec, of which types, and what comes back with them.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]
#![allow(clippy::unused_async, reason = "annotated functions that only count")]

mod attribute;
mod call;
mod compress;
mod marks;
mod names;
mod numbers;
mod own;
mod require;
mod said;
mod schema;
mod secrets;
mod sound;
#[path = "../support/mod.rs"]
mod support;
mod types;

use macadamia::codec::{Failure, Plain, Slot};
use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, CacheBuilder, Codec, Error, Event, EventKind, Observer};
use std::sync::{Arc, Mutex};

/// JSON read from its end.
#[derive(Debug)]
pub struct Reversed;

impl Codec for Reversed {
    fn id(&self) -> u8 {
        200
    }

    fn name(&self) -> &'static str {
        "reversed"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        let mut bytes = serde_json::to_vec(value)?;
        bytes.reverse();
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let mut bytes = bytes.to_vec();
        bytes.reverse();
        slot.read(&mut serde_json::Deserializer::from_slice(&bytes))
    }
}

/// A codec, and what it makes of [`GREETING`].
struct Known {
    codec: &'static dyn Codec,
    payload: &'static [u8],
}

const GREETING: &str = "hello";

const ALL: [Known; 6] = {
    use macadamia::codec::{Bincode, Json, MsgPack, Raw, Text};
    [
        Known { codec: &Bincode, payload: b"\x05hello" },
        Known { codec: &Json, payload: b"\"hello\"" },
        Known { codec: &MsgPack, payload: b"\xa5hello" },
        Known { codec: &Text, payload: b"hello" },
        Known { codec: &Raw, payload: b"hello" },
        Known { codec: &Reversed, payload: b"\"olleh\"" },
    ]
};

impl Known {
    /// One of ours goes by its name.
    fn has_name(&self) -> bool {
        self.codec.id() < 128
    }
}

/// What happened, with the errors behind it.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(EventKind, String)>>>);

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let error = event.error.map(ToString::to_string).unwrap_or_default();
        self.0.lock().unwrap().push((event.kind, error));
    }
}

impl Told {
    /// What was told with events of this kind since it was last asked.
    fn of(&self, kind: EventKind) -> Vec<String> {
        let mut told = self.0.lock().unwrap();
        let of_kind =
            told.iter().filter(|(known, _)| *known == kind).map(|(_, error)| error.clone()).collect();
        told.retain(|(known, _)| *known != kind);
        of_kind
    }
}

/// A cache, and what it tells.
async fn telling(builder: CacheBuilder) -> (Cache, Told) {
    let told = Told::default();
    let cache = builder.observer(told.clone()).build().await.unwrap();
    (cache, told)
}

/// The same on this clock.
async fn observed(builder: CacheBuilder, clock: &ManualClock) -> (Cache, Told) {
    telling(builder.clock(clock.clone())).await
}

/// One that has said nothing, on this server.
async fn plain(wire: &Wire) -> (Cache, Told) {
    telling(Cache::builder().route("", wire.clone())).await
}

async fn built(builder: CacheBuilder) -> Cache {
    builder.build().await.unwrap()
}

/// Why it was not built.
fn config(outcome: Result<Cache, Error>) -> String {
    match outcome {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("expected a configuration error, got {other:?}"),
    }
}
