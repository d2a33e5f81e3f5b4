//! What the targets for codecs share: bytes of anybody are a value or they are not, and a value is stored and read as
//! it is.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use cache_core::codec::Codec;
use cache_core::testing::Wire;
use cache_core::{Cache, Value};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

/// A bit of everything that values are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Everything {
    id: u64,
    name: String,
    letter: char,
    small: (i8, u16, bool),
    exact: Float,
    state: State,
    tags: Vec<Option<String>>,
    counts: BTreeMap<String, i64>,
    nothing: (),
}

/// Each kind of variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    Off,
    On(u32),
    Since { day: u16, why: String },
}

/// One that holds itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    leaf: i64,
    branches: Vec<Tree>,
}

/// Equal in every bit, as the same `NaN` is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Float(f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl From<&[u8]> for Everything {
    /// One that differs in every field with the bytes.
    fn from(bytes: &[u8]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes.iter().skip(at)).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(word)
        };
        let (id, exact) = (word(0), f64::from_bits(word(8)));
        let name = String::from_utf8_lossy(bytes).into_owned();
        let [one, two, three, ..] = id.to_le_bytes();
        Self {
            id,
            letter: name.chars().next().unwrap_or_default(),
            small: (one.cast_signed(), u16::from_le_bytes([two, three]), one > two),
            // JSON has no others.
            exact: Float(if exact.is_finite() { exact } else { 0.0 }),
            state: match one % 3 {
                0 => State::Off,
                1 => State::On(u32::from_le_bytes([one, two, three, one])),
                _ => State::Since { day: u16::from_le_bytes([one, three]), why: name.clone() },
            },
            tags: name.split(' ').map(|tag| (!tag.is_empty()).then(|| tag.to_owned())).collect(),
            counts: name
                .lines()
                .zip([id.cast_signed()])
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            nothing: (),
            name,
        }
    }
}

thread_local! {
    static CACHE: OnceCell<(Runtime, Cache)> = const { OnceCell::new() };
}

/// Reads the bytes as a `T`, and stores and reads again what that made.
pub fn reads_what_it_stored<T: Value + PartialEq + Debug>(codec: &'static dyn Codec, bytes: &[u8]) {
    with_cache(async |cache| {
        cache.set_raw("bytes", bytes).await.expect("bytes are stored as they are");
        if let Ok(Some(value)) = cache.get::<T>("bytes").codec(codec).await {
            is_kept(cache, codec, value).await;
        }
    });
}

/// Stores and reads a value.
pub fn keeps_what_it_is_given<T: Value + PartialEq + Debug>(codec: &'static dyn Codec, value: T) {
    with_cache(async |cache| is_kept(cache, codec, value).await);
}

async fn is_kept<T: Value + PartialEq + Debug>(cache: &Cache, codec: &'static dyn Codec, value: T) {
    cache.set("value", &value).codec(codec).await.expect("such a value can be stored");
    let again = cache.get::<T>("value").codec(codec).await.expect("what was stored can be read");
    assert_eq!(again, Some(value), "by {}", codec.name());
}

fn with_cache(work: impl AsyncFnOnce(&Cache)) {
    CACHE.with(|kept| {
        let (runtime, cache) = kept.get_or_init(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            let cache = runtime.block_on(Cache::builder().route("", Wire::new()).build());
            (runtime, cache.expect("a cache"))
        });
        runtime.block_on(work(cache));
    });
}
