//! What `get` gives is what was set, or nothing: of every type and by every codec.

use macadamia::testing::Wire;
use macadamia::{Cache, Error, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::{Duration, SystemTime};

use super::ALL;

/// Stores and reads a value by every codec; how many of them did.
async fn sound<T: Value>(cache: &Cache, value: &T, same: &dyn Fn(&T, &T) -> bool) -> usize {
    let mut stored = 0;
    for known in &ALL {
        let name = known.codec.name();
        let type_name = std::any::type_name::<T>();
        cache.delete("k").await.unwrap();
        let found = match cache.set("k", value).codec(known.codec).await {
            Ok(is_stored) => {
                assert!(is_stored);
                stored += 1;
                cache.get::<T>("k").codec(known.codec).await.unwrap()
            }
            Err(Error::Codec { .. }) => {
                assert!(!cache.exists("k").await.unwrap(), "{type_name} by {name}: refused, and there");
                continue;
            }
            Err(other) => panic!("{type_name} by {name}: {other}"),
        };
        let Some(found) = found else { panic!("{type_name} by {name}: stored, and not read") };
        assert!(same(value, &found), "{type_name} by {name}: another value is read");
    }
    stored
}

async fn each<T: Value + PartialEq + Debug>(values: impl IntoIterator<Item = T>) {
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    for value in values {
        let stored = sound(&cache, &value, &|left, right| left == right).await;
        assert!(stored > 0, "{value:?} by no codec at all");
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct New(f64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kinds {
    Unit,
    New(Option<u8>),
    Pair(i8, String),
    Struct { deep: Vec<Kinds>, wide: BTreeMap<String, Kinds> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Many {
    text: String,
    number: f64,
    small: f32,
    large: u128,
    signed: i128,
    letter: char,
    maybe: Option<Box<Many>>,
    kinds: Vec<Kinds>,
    table: HashMap<u16, (bool, NonZeroU16)>,
    when: SystemTime,
    left: Duration,
    #[serde(rename = "type", alias = "kind")]
    renamed: i64,
    #[serde(default)]
    other: Option<i64>,
    #[serde(skip)]
    skipped: (),
}

fn text(random: &mut fastrand::Rng) -> String {
    let length = random.usize(..12);
    std::iter::repeat_with(|| random.char(..)).take(length).collect()
}

fn float(random: &mut fastrand::Rng) -> f64 {
    let number = f64::from_bits(random.u64(..));
    if number.is_finite() { number } else { 0.1 }
}

fn kinds(random: &mut fastrand::Rng, depth: u8) -> Kinds {
    match random.u8(..if depth == 0 { 3 } else { 4 }) {
        0 => Kinds::Unit,
        1 => Kinds::New(random.bool().then(|| random.u8(..))),
        2 => Kinds::Pair(random.i8(..), text(random)),
        _ => Kinds::Struct {
            deep: (0..random.u8(..3)).map(|_| kinds(random, depth - 1)).collect(),
            wide: (0..random.u8(..3)).map(|_| (text(random), kinds(random, depth - 1))).collect(),
        },
    }
}

fn many(random: &mut fastrand::Rng, depth: u8) -> Many {
    Many {
        text: text(random),
        number: float(random),
        small: random.f32() * 1e9,
        large: random.u128(..),
        signed: random.i128(..),
        letter: random.char(..),
        maybe: (depth > 0).then(|| Box::new(many(random, depth - 1))),
        kinds: (0..random.u8(..4)).map(|_| kinds(random, 3)).collect(),
        table: (0..random.u8(..5))
            .map(|_| (random.u16(..), (random.bool(), NonZeroU16::new(random.u16(1..)).unwrap())))
            .collect(),
        when: SystemTime::UNIX_EPOCH + Duration::from_nanos(random.u64(..)),
        left: Duration::new(random.u64(..), random.u32(..1_000_000_000)),
        renamed: random.i64(..),
        other: random.bool().then(|| random.i64(..)),
        skipped: (),
    }
}

#[tokio::test]
async fn values_of_every_kind() {
    each([true, false]).await;
    each(['a', '\0', '☃', '"']).await;
    each(["", "hello", "\"\\\n\0", "☃", "null", "7"].map(str::to_owned)).await;
    each([i128::MIN, -1, 0, i128::MAX]).await;
    each([u64::MAX, 1 << 63]).await;
    each([0.1, -0.0, 1e308, 5e-324, 9_007_199_254_740_993.0, 0.1 + 0.2]).await;
    each([0.1f32, f32::MIN_POSITIVE, f32::MAX, 16_777_217.0]).await;
    each([Unit]).await;
    each([()]).await;
    each([New(0.3), New(-1.5)]).await;
    each([None, Some(0u8), Some(255)]).await;
    each([None, Some(String::new()), Some("None".to_owned()), Some("null".to_owned())]).await;
    each([vec![], vec![0u8, 255]]).await;
    each([[1u16, 2, 3]]).await;
    each([(1u8, 'x', "y".to_owned(), [true; 3])]).await;
    each([BTreeMap::new(), BTreeMap::from([((1u8, 'a'), vec!["v".to_owned()])])]).await;
    each([HashMap::from([(1u64, 2u64), (3, 4)])]).await;
    each([HashSet::from(["a".to_owned(), "b".to_owned()])]).await;
    each([BTreeSet::from([3, 1, 2])]).await;
    each([VecDeque::from([1, 2])]).await;
    each([Ok(1), Err("no".to_owned())]).await;
    each(["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap())).await;
    each(["[::1]:80".parse::<SocketAddr>().unwrap()]).await;
    each([Duration::new(1, 2), Duration::MAX]).await;
    each([std::path::PathBuf::from("/a b")]).await;
    each([7..u32::MAX, 0..0]).await;
    each([std::cmp::Reverse(7u8)]).await;
    each([serde_json::json!({ "a": [null, 1, -1.5, "☃"] }), serde_json::Value::Null]).await;
}

#[tokio::test]
async fn random_values() {
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    let mut random = fastrand::Rng::with_seed(92);
    for _ in 0..200 {
        let value = many(&mut random, 2);
        let stored = sound(&cache, &value, &|left, right| left == right).await;
        assert_eq!(stored, 4, "by bincode, json, msgpack and one's own");
        let number = float(&mut random);
        sound(&cache, &number, &|left, right| left.to_bits() == right.to_bits()).await;
        sound(&cache, &kinds(&mut random, 4), &|left, right| left == right).await;
        sound(&cache, &text(&mut random), &|left, right| left == right).await;
    }
}

/// JSON and `MessagePack` write one `null` for all of these.
#[tokio::test]
async fn what_a_codec_would_give_back_as_none_is_refused_by_it() {
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    // After one that is no danger, so that it is not the first value of its type that is looked at.
    macro_rules! each {
        ($($harmless:expr, [$($value:expr),*];)*) => {$(
            sound(&cache, &$harmless, &|left, right| format!("{left:?}") == format!("{right:?}")).await;
            $({
                let stored = sound(&cache, &$value, &|left, right| format!("{left:?}") == format!("{right:?}")).await;
                assert!(stored > 0, "{:?}", $value);
            })*
        )*};
    }
    each! {
        Some(Some(1u8)), [Some(None::<u8>), None::<Option<u8>>];
        None::<()>, [Some(())];
        None::<Unit>, [Some(Unit)];
        Some(1.5), [Some(f64::NAN), Some(f64::INFINITY), None::<f64>];
        Some(1.5f32), [Some(f32::NAN), None::<f32>];
        Some(New(1.0)), [Some(New(f64::NAN)), None::<New>];
        1.5, [f64::NAN, f64::NEG_INFINITY];
        vec![Some(Some(1u8))], [vec![Some(None::<u8>), None], vec![None, Some(None), Some(Some(7))]];
        (Some(1.0), "a".to_owned()), [(Some(f64::NAN), "null".to_owned()), (None::<f64>, "null".to_owned())];
        BTreeMap::from([(1u8, Some(()))]), [BTreeMap::from([(1u8, Some(())), (2, None)])];
    }
}

#[tokio::test]
async fn what_serves_none_of_them_is_refused_by_all() {
    /// Never reads what it has written.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Lost {
        #[serde(skip_deserializing)]
        id: u32,
        name: Option<Box<Lost>>,
    }
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    let lost = Lost { id: 7, name: None };
    let same = |left: &Lost, right: &Lost| left.id == right.id;
    assert_eq!(sound(&cache, &lost, &same).await, 0);
}

#[tokio::test]
async fn a_value_that_is_too_deep_or_too_large_is_refused() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Deep(Option<Box<Deep>>);
    let deep = |levels| (0..levels).fold(Deep(None), |inside, _| Deep(Some(Box::new(inside))));
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    let same = |left: &Deep, right: &Deep| left == right;
    sound(&cache, &deep(20), &same).await;
    for levels in [40, 70, 130, 400] {
        sound(&cache, &deep(levels), &same).await;
    }
    let large = vec![7u8; (32 << 20) + 1];
    let refused = cache.set("k", &large).codec("raw").await.unwrap_err();
    assert!(refused.to_string().contains("33554433 bytes are more than 33554432"), "{refused}");
    assert!(!cache.exists("k").await.unwrap());
}
