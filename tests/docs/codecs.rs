use macadamia::codec::{Codec, Failure, Plain, Slot};
use macadamia::testing::Wire;
use macadamia::{Cache, EventKind, Route, Scope, cached};
use serde::{Deserialize, Serialize};

use super::AppError;
use super::support::Fixture;

const PAGE: &str = include_str!("../../docs/codecs.md");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Profile {
    id: u64,
    name: String,
    langs: Vec<String>,
    active: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: u32,
    degrees: f32,
}

fn ada(id: u64) -> Profile {
    Profile { id, name: "Ada".to_owned(), langs: vec!["en".to_owned(), "fr".to_owned()], active: true }
}

async fn load(id: u64) -> Result<Profile, AppError> {
    Ok(ada(id))
}

async fn find(id: u64) -> Result<User, AppError> {
    Ok(User { id })
}

async fn ask(sensor: u32) -> Result<Reading, AppError> {
    Ok(Reading { sensor, degrees: 21.5 })
}

async fn set_up(server: Wire) -> macadamia::Result<Cache> {
    let cache = Cache::builder()
        .codec("msgpack")
        .route("", "mem://")
        .route("page:", Route::to(server).codec("json"))
        .build()
        .await?;
    Ok(cache)
}

#[cached(ttl = "1h", key = "profile:<id>", codec = "json")]
async fn profile(id: u64) -> Result<Profile, AppError> {
    load(id).await
}

/// Eight bytes, as the sensors send them.
#[derive(Debug)]
struct Sensors;

impl Codec for Sensors {
    fn id(&self) -> u8 {
        130
    }

    fn name(&self) -> &'static str {
        "sensors"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        let Some(Reading { sensor, degrees }) = value.downcast_ref() else {
            return Err("it is no reading".into());
        };
        Ok([sensor.to_be_bytes(), degrees.to_be_bytes()].concat())
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let (sensor, degrees) = bytes.split_first_chunk().ok_or("it is too short")?;
        let reading =
            Reading { sensor: u32::from_be_bytes(*sensor), degrees: f32::from_be_bytes(degrees.try_into()?) };
        slot.put(reading).map_err(|_| "another type was asked for".into())
    }
}

#[cached(ttl = "1m", key = "reading:<sensor>", codec = Sensors)]
async fn reading(sensor: u32) -> Result<Reading, AppError> {
    ask(sensor).await
}

#[cached(ttl = "1h", key = "user:<id>", version = 2)]
async fn user(id: u64) -> Result<User, AppError> {
    find(id).await
}

#[tokio::test]
async fn each_way_to_say_a_codec_has_its_effect() -> macadamia::Result<()> {
    let cache = set_up(Wire::new()).await?;
    cache.set("page:1", "one").await?;
    assert_eq!(cache.get_raw("page:1").await?.unwrap(), "\"one\"");
    let page = b"<h1>Seven</h1>".to_vec();
    cache.set("page:7", &page).codec("raw").await?;
    assert_eq!(cache.get_raw("page:7").await?.unwrap(), page);
    assert_eq!(cache.get::<Vec<u8>>("page:7").await?, Some(page));

    let fixture = Fixture::wire().await;
    fixture.run(async { (profile(7).await, user(7).await) }).await.0.unwrap();
    let stored = fixture.cache.get_raw("profile:7").await?.unwrap();
    assert_eq!(stored, &br#"{"id":7,"name":"Ada","langs":["en","fr"],"active":true}"#[..]);
    Ok(())
}

#[tokio::test]
async fn the_codec_of_the_sensors_writes_eight_bytes_and_reads_them() -> macadamia::Result<()> {
    let wire = Wire::new();
    let cache = Cache::builder().route("", wire.clone()).build().await?;
    for _ in 0..2 {
        let found = Scope::new().cache(&cache).run(reading(7)).await.unwrap();
        assert_eq!(found, Reading { sensor: 7, degrees: 21.5 });
    }
    assert_eq!(cache.get_raw("reading:7").await?.unwrap(), &[0, 0, 0, 7, 0x41, 0xac, 0, 0][..]);
    cache.set("other", "text").codec(&Sensors).await.unwrap_err();
    let fixture = Fixture::wire().await;
    fixture.run(async { (reading(7).await.unwrap(), reading(7).await.unwrap()) }).await;
    assert_eq!(fixture.events.count(EventKind::Hit), 1);
    Ok(())
}

#[tokio::test]
async fn the_sizes_are_those_of_the_page() -> macadamia::Result<()> {
    let cache = Cache::builder().route("", Wire::new()).build().await?;
    for codec in ["bincode", "msgpack", "json"] {
        cache.set("k", &ada(7)).codec(codec).await?;
        let len = cache.get_raw("k").await?.unwrap().len();
        let row = format!("| {codec} | {len} |");
        assert!(PAGE.contains(&row), "the page has no line {row}");
    }
    Ok(())
}
