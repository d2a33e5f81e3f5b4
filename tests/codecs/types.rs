//! Types that bincode cannot give back: refused when they are first stored, and at home in the codecs that write names.

use macadamia::testing::Wire;
use macadamia::{Cache, Error, EventKind, Route, Scope, Value, cached};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::plain;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Number { value: u32 },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first: Option<u32>,
    second: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inside {
    of: Vec<Option<Untagged>>,
}

/// Writes less than it reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Forgetful {
    id: u32,
    #[serde(skip_serializing)]
    token: String,
}

/// Writes something else than it reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Crooked {
    #[serde(serialize_with = "as_text", deserialize_with = "as_number")]
    id: u32,
    name: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn as_text<S: Serializer>(id: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&id.to_string())
}

fn as_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::deserialize(deserializer)
}

/// Reads another number than it has written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Drifting(u32);

impl Serialize for Drifting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Drifting", &(self.0 + 1))
    }
}

async fn refused<T: Value>(cache: &Cache, value: &T) -> String {
    match cache.set("k", value).await {
        Err(error @ Error::Codec { .. }) => error.to_string(),
        other => panic!("{} was not refused: {other:?}", std::any::type_name::<T>()),
    }
}

/// Bincode refuses the values and says why; the others give them back.
async fn check<T: Value + PartialEq + Debug>(values: &[T], why: &str) {
    let wire = Wire::new();
    let (cache, _) = plain(&wire).await;
    for value in values {
        // Again and again: what is refused once is not let through later.
        for _ in 0..2 {
            let message = refused(&cache, value).await;
            let name = std::any::type_name::<T>();
            assert!(message.starts_with(&format!("cannot encode or decode {name}: ")), "{message}");
            assert!(message.contains(why), "{message}");
            assert!(message.contains("`json` or `msgpack`"), "it does not say what can: {message}");
        }
    }
    assert!(wire.is_empty());
    for codec in ["json", "msgpack"] {
        for value in values {
            cache.set("k", value).codec(codec).await.unwrap();
            assert_eq!(cache.get::<T>("k").await.unwrap().as_ref(), Some(value), "{codec}");
        }
    }
}

#[tokio::test]
async fn an_untagged_enum() {
    check(&[Untagged::Number(7), Untagged::Text("seven".to_owned())], "Untagged").await;
}

#[tokio::test]
async fn an_internally_tagged_enum() {
    check(&[Tagged::Number { value: 7 }, Tagged::Nothing], "Tagged").await;
}

#[tokio::test]
async fn a_flattened_field() {
    let rest = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    check(&[Flat { id: 1, rest }, Flat { id: 2, rest: BTreeMap::new() }], "Flat").await;
}

#[tokio::test]
async fn a_value_of_any_shape() {
    check(
        &[serde_json::json!({ "a": [1, "two", null, 3.5] }), serde_json::json!(7), serde_json::Value::Null],
        "Value",
    )
    .await;
}

#[tokio::test]
async fn one_of_them_deep_inside_of_another_type() {
    check(&[Inside { of: vec![None, Some(Untagged::Number(1))] }], "`of[]` takes a value of any kind").await;
}

#[tokio::test]
async fn a_list_of_what_takes_no_bytes() {
    check(&[vec![(); 3], Vec::new()], "()").await;
}

#[tokio::test]
async fn a_field_that_is_left_out_is_refused_when_it_is_left_out() {
    let left_out = Skipping { first: None, second: Some(7) };
    let (cache, _) = plain(&Wire::new()).await;
    // Nobody can see from the type that it may be.
    let whole = Skipping { first: Some(1), second: None };
    cache.set("k", &whole).await.unwrap();
    assert_eq!(cache.get::<Skipping>("k").await.unwrap(), Some(whole));
    let message = refused(&cache, &left_out).await;
    assert!(message.contains("first"), "{message}");
    for codec in ["json", "msgpack"] {
        cache.set("k", &left_out).codec(codec).await.unwrap();
        assert_eq!(cache.get::<Skipping>("k").await.unwrap().as_ref(), Some(&left_out), "{codec}");
    }
}

#[tokio::test]
async fn what_writes_something_else_than_it_reads_is_refused_by_every_codec() {
    let (cache, _) = plain(&Wire::new()).await;
    let forgetful = Forgetful { id: 1, token: "t".to_owned() };
    let crooked = Crooked { id: 300, name: "n".to_owned() };
    for codec in ["bincode", "json", "msgpack"] {
        for error in [
            cache.set("k", &forgetful).codec(codec).await.unwrap_err(),
            cache.set("k", &crooked).codec(codec).await.unwrap_err(),
            cache.set("k", &Drifting(1)).codec(codec).await.unwrap_err(),
        ] {
            let message = error.to_string();
            assert!(message.contains("is not what its `Deserialize` reads"), "{codec}: {message}");
        }
    }
    assert!(!cache.exists("k").await.unwrap());
}

#[tokio::test]
async fn a_function_is_answered_and_the_refusal_told() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "untagged")]
    async fn untagged() -> Untagged {
        RUNS.fetch_add(1, SeqCst);
        Untagged::Number(7)
    }
    #[cached(ttl = "1h", key = "untagged", codec = "json", handle = AsJson)]
    async fn untagged_as_json() -> Untagged {
        RUNS.fetch_add(1, SeqCst);
        Untagged::Number(8)
    }
    let wire = Wire::new();
    let (cache, told) = plain(&wire).await;
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&cache).run(untagged()).await, Untagged::Number(7));
        let errors = told.of(EventKind::NotSerializable);
        assert!(errors.len() == 1 && errors[0].contains("`json` or `msgpack`"), "{errors:?}");
    }
    assert!(wire.is_empty());
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&cache).run(untagged_as_json()).await, Untagged::Number(8));
    }
    assert_eq!(RUNS.load(SeqCst), 3);
    assert!(told.of(EventKind::NotSerializable).is_empty());
}

#[tokio::test]
async fn null_refuses_them_in_development() {
    let cache = Cache::builder().route("", "null://").build().await.unwrap();
    refused(&cache, &Untagged::Number(7)).await;
    let cache = Cache::builder().route("", Route::to("null://").codec("json")).build().await.unwrap();
    cache.set("k", &Untagged::Number(7)).await.unwrap();
}
