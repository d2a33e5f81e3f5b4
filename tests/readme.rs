//! What the README shows, compiled and run. Each line of its Rust stands here too.
#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(clippy::unused_async, reason = "the README shows where the work would be")]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use macadamia::{Memory, Scope, cached, circuit_breaker, fail, invalidate};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

struct User {
    uid: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Profile {
    name: String,
}

#[derive(Debug)]
struct AppError;

async fn load(uid: u64) -> Result<Profile, AppError> {
    Ok(Profile { name: format!("user {uid}") })
}

async fn store(id: u64, name: String) -> Result<(), AppError> {
    if id == 0 || name.is_empty() { Err(AppError) } else { Ok(()) }
}

#[cached(ttl = "3h", key = "user:<user.uid>")]
async fn profile(user: &User) -> Result<Profile, AppError> {
    load(user.uid).await
}

#[invalidate(profile(user.uid = id))]
async fn rename(id: u64, name: String) -> Result<(), AppError> {
    store(id, name).await
}

async fn set_up() -> macadamia::Result<()> {
    macadamia::Cache::builder()
        .route("", "mem://?size=100000&ttl=1h")                          // the default backend
        .route("session:", Memory::builder().max_bytes(64 << 20).build()) // longest literal prefix wins
        .build().await?
        .install()?;
    Ok(())
}

async fn handles(user: User, value: Profile) -> macadamia::Result<()> {
    profile::peek(&user).await?;        // what is stored
    profile::set(&user, value).await?;  // store without calling
    profile::invalidate(&user).await?;  // drop it
    let _ =
    profile::refresh(&user).await;      // call and store, whatever is there
    profile::key(&user);                // "user:7"
    let _ =
    profile::stats().hit_ratio();       // how its calls were answered so far
    Ok(())
}

async fn commands() -> macadamia::Result<()> {
    let cache = macadamia::Cache::global();
    cache.set("greeting", "hello").ttl("20h").if_absent().await?;
    let text: Option<String> = cache.get("greeting").await?;
    let visits = cache.incr("visits").by(2).ttl("1d").await?;
    let answer: u64 = cache.get_or_set("answer", || async { 42 }).ttl("1h").await?;
    cache.delete_match("user:7:*").await?;
    assert_eq!((text.as_deref(), visits, answer), (Some("hello"), 2, 42));
    Ok(())
}

type Price = u32;

/// How often it was asked; it answers the first time.
static SHOP: AtomicU32 = AtomicU32::new(0);

async fn ask_the_shop(id: u64) -> Result<Price, AppError> {
    if id == 7 && SHOP.fetch_add(1, SeqCst) == 0 { Ok(99) } else { Err(AppError) }
}

#[fail(ttl = "1h", key = "price:<id>")]                                  // the last good price, if all else fails
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s")]         // a shop that is down is not asked
#[cached(ttl = "1m", key = "price:<id>")]                                // hits cost neither
async fn price(id: u64) -> Result<Price, AppError> {
    ask_the_shop(id).await
}

impl From<macadamia::Error> for AppError {
    fn from(_: macadamia::Error) -> Self {
        Self
    }
}

async fn prices() {
    assert_eq!(price(7).await.unwrap(), 99);
    macadamia::Cache::global().delete("price:7").await.unwrap();
    for _ in 0..30 {
        assert_eq!(price(7).await.unwrap(), 99, "the last good price");
    }
    assert_eq!(SHOP.load(SeqCst), 10, "a shop that is down was asked");
}

type Stock = u64;

async fn load_stock(ids: &[u64], shop: u32) -> Result<HashMap<u64, Stock>, AppError> {
    Ok(ids.iter().map(|id| (*id, id * u64::from(shop))).collect())
}

#[cached(many = ids, ttl = "1h", key = "stock:<ids>", tags = ["stock", "shop:<shop>"])]
async fn stock(ids: &[u64], shop: u32) -> Result<HashMap<u64, Stock>, AppError> {
    load_stock(ids, shop).await
}

async fn beyond() -> Result<(), Box<dyn std::error::Error>> {
    let cache = macadamia::Cache::global();
    stock(&[1], 7).await?;
    macadamia::purge!(tags = ["shop:7"]).await?;

    let guard = cache.lock("report", "30s").wait("5s").await?;  // one holder, released on drop
    let fence = guard.fence();                                  // grows with every holder

    let (answer, calls) = macadamia::detect(stock(&[1, 2], 7)).await;
    assert_eq!(answer?[&2], 14);
    assert_eq!(calls.hits().count(), 0);
    if calls.all_hits() { /* say so in a header */ }

    Scope::new().key("tenant", &7).invalidate_further().run(stock(&[1, 2], 7)).await?;
    drop(guard);
    assert!(cache.lock("report", "30s").await?.fence() > fence);
    Ok(())
}

#[cfg(feature = "redis")]
async fn fleet() -> macadamia::Result<macadamia::Cache> {
    macadamia::Cache::builder()
        .route("", "redis://cache.internal/0?secret=s3cret-of-the-fleet")  // signed, so that nobody else makes entries
        .route("country:", "mem://?size=1000")                            // hardly changes: in each process
        .build().await
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_server_is_connected_when_it_is_needed() {
    fleet().await.unwrap();
}

#[tokio::test]
async fn what_the_readme_shows_works() {
    set_up().await.unwrap();
    let user = User { uid: 7 };
    let value = profile(&user).await.unwrap();
    assert_eq!(profile::peek(&user).await.unwrap(), Some(value.clone()));
    rename(7, "x".into()).await.unwrap();
    assert_eq!(profile::peek(&user).await.unwrap(), None);
    handles(user, value).await.unwrap();
    commands().await.unwrap();
    beyond().await.unwrap();
    prices().await;
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("app error")
    }
}

impl std::error::Error for AppError {}

#[test]
fn every_line_of_the_readmes_rust_stands_here() {
    let here: Vec<_> = include_str!("readme.rs").lines().map(str::trim).collect();
    let (mut inside, mut lines) = (false, 0);
    for line in include_str!("../README.md").lines().map(str::trim) {
        if line.starts_with("```") {
            inside = line == "```rust";
        } else if inside && !line.is_empty() && !line.starts_with("use ") {
            assert!(here.contains(&line), "not compiled: {line}");
            lines += 1;
        }
    }
    assert!(lines > 20, "the README has lost its Rust");
}
