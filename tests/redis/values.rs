//! Value strategies on a server, each called by two caches as by two processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use macadamia::{Error, EventKind, Outcome, cached, detect, early, fail, hit, invalidate, soft};
use serde::{Deserialize, Serialize};

use super::place::{Place, until};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u32,
    text: String,
}

static PAGES: AtomicU32 = AtomicU32::new(0);

#[cached(ttl = "1h", key = "page:<id>", tags = ["pages", "shelf:<id:len>"])]
async fn page(id: &str) -> Result<Page, Error> {
    Ok(Page { number: PAGES.fetch_add(1, SeqCst), text: id.to_owned() })
}

#[invalidate(page(id = id))]
async fn edit(id: &str) -> Result<usize, Error> {
    Ok(id.len())
}

#[invalidate("page:a*")]
async fn edit_all_of_a() -> Result<(), Error> {
    Ok(())
}

#[invalidate(tags = ["pages"])]
async fn edit_all() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn what_one_computes_the_other_reads_and_what_one_invalidates_is_gone_for_both() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    for id in ["a", "a*b", "{a}", "ä ö\n\0", ""] {
        let first = one.run(page(id)).await.unwrap();
        assert_eq!(other.run(page(id)).await.unwrap(), first, "{id:?}");
        other.run(edit(id)).await.unwrap();
        let second = one.run(page(id)).await.unwrap();
        assert_ne!(second, first, "{id:?}");
        one.run(edit_all()).await.unwrap();
        assert_ne!(other.run(page(id)).await.unwrap(), second, "{id:?}");
    }
    let (kept, gone) = (one.run(page("b")).await.unwrap(), one.run(page("a1")).await.unwrap());
    other.run(edit_all_of_a()).await.unwrap();
    assert_eq!(one.run(page("b")).await.unwrap(), kept);
    assert_ne!(one.run(page("a1")).await.unwrap(), gone);
}

static RATES: AtomicU32 = AtomicU32::new(0);

#[early(ttl = "1h", early_ttl = "1s", key = "rates")]
async fn rates() -> u32 {
    RATES.fetch_add(1, SeqCst)
}

#[tokio::test]
async fn early_values_are_computed_anew_beside_the_calls() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    assert_eq!((one.run(rates()).await, other.run(rates()).await), (0, 0));
    until("a refresh", async || other.run(rates()).await > 0).await;
    let told = one.events.count(EventKind::Computed) + other.events.count(EventKind::Computed);
    assert_eq!(told, 1, "nobody but the first has waited");
    assert!(other.events.count(EventKind::Stale) > 0);
}

static NEWS: AtomicU32 = AtomicU32::new(0);
static NEWS_ARE_DOWN: AtomicBool = AtomicBool::new(false);

#[soft(ttl = "1h", soft_ttl = "1s", key = "news")]
async fn news() -> Result<u32, Error> {
    if NEWS_ARE_DOWN.load(SeqCst) {
        return Err(Error::backend("the news are down"));
    }
    Ok(NEWS.fetch_add(1, SeqCst))
}

#[tokio::test]
async fn soft_values_stay_while_computing_fails() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    assert_eq!(one.run(news()).await.unwrap(), 0);
    NEWS_ARE_DOWN.store(true, SeqCst);
    until("a failed try", async || {
        assert_eq!(other.run(news()).await.unwrap(), 0);
        other.events.count(EventKind::NotRefreshed) > 0
    })
    .await;
    NEWS_ARE_DOWN.store(false, SeqCst);
    until("new ones", async || one.run(news()).await.unwrap() == 1).await;
}

static JOKES: AtomicU32 = AtomicU32::new(0);

#[hit(ttl = "1h", cache_hits = 4, key = "joke")]
async fn joke() -> u32 {
    JOKES.fetch_add(1, SeqCst)
}

#[tokio::test]
async fn hits_of_all_processes_use_a_value_up() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    let mut told = vec![one.run(joke()).await];
    for fixture in [&one, &other, &other, &one, &other] {
        told.push(fixture.run(joke()).await);
    }
    assert_eq!(told, [0, 0, 0, 0, 0, 1]);
}

static SHOP_IS_DOWN: AtomicBool = AtomicBool::new(false);

#[fail(ttl = "1h", key = "price:<id>")]
async fn price(id: u32) -> Result<u32, Error> {
    if SHOP_IS_DOWN.load(SeqCst) { Err(Error::backend("the shop is down")) } else { Ok(id * 2) }
}

#[tokio::test]
async fn the_last_good_answer_of_one_is_there_for_the_other() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    assert_eq!(one.run(price(4)).await.unwrap(), 8);
    SHOP_IS_DOWN.store(true, SeqCst);
    assert_eq!(other.run(price(4)).await.unwrap(), 8);
    assert!(other.run(price(5)).await.unwrap_err().to_string().contains("the shop is down"));
    assert_eq!(place.names(), ["fail:price:4"]);
}

static BATCHES: AtomicU32 = AtomicU32::new(0);

#[cached(many = ids, ttl = "1h", key = "stock:<ids>", tags = ["stock"])]
async fn stock(ids: &[u32]) -> Result<BTreeMap<u32, u32>, Error> {
    BATCHES.fetch_add(1, SeqCst);
    Ok(ids.iter().filter(|id| **id != 0).map(|id| (*id, id * 10)).collect())
}

#[tokio::test]
async fn of_many_elements_those_that_are_missing_are_computed_at_once() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    one.run(stock(&[1, 2])).await.unwrap();
    let (all, calls) = other.run(detect(stock(&[1, 2, 3, 0]))).await;
    assert_eq!(all.unwrap(), BTreeMap::from([(1, 10), (2, 20), (3, 30)]));
    assert_eq!((calls.count(Outcome::Hit), calls.count(Outcome::Computed)), (2, 2));
    assert_eq!(BATCHES.load(SeqCst), 2);
    one.cache.delete_tags(["stock"]).await.unwrap();
    one.run(stock(&[1, 2, 3])).await.unwrap();
    assert_eq!(BATCHES.load(SeqCst), 3);
}

#[cached(ttl = "1h", key = "plain:<id>", none_ttl = "1h", err_ttl = "1h")]
async fn plain(id: u32) -> Result<Option<u32>, String> {
    match id {
        0 => Ok(None),
        1 => Err(format!("not {}", PAGES.fetch_add(1, SeqCst))),
        _ => Ok(Some(PAGES.fetch_add(1, SeqCst))),
    }
}

#[tokio::test]
async fn none_and_errors_are_kept_where_asked_for_and_a_hit_is_one_get() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    for id in [0, 1, 2] {
        let first = one.run(plain(id)).await;
        assert_eq!(other.run(plain(id)).await, first);
        assert_eq!(other.events.count(EventKind::Hit), 1 + id as usize);
    }
    assert_eq!(place.names(), ["plain:0", "plain:1", "plain:2"]);
}
