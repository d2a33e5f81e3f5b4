//! A shop's shelf: prices for many articles at once, tags, a middleware of one's own, and where answers came from.
//!
//! ```text
//! cargo run --example shop
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use macadamia::middleware::{HitRatio, Next, Request, Response, Timing, Verb};
use macadamia::{BoxFuture, Cache, Middleware, Outcome, Result, Route, cached, detect, invalidate};

/// How often the price list was asked.
static QUERIES: AtomicUsize = AtomicUsize::new(0);

/// One read for all articles, one query for those that are missing, an entry for each.
#[cached(many = articles, ttl = "10m", key = "price:<articles>", tags = ["supplier:<supplier>"])]
async fn prices(articles: &[u32], supplier: &str) -> Result<BTreeMap<u32, u32>> {
    let factor = u32::try_from(supplier.len()).unwrap_or(1);
    QUERIES.fetch_add(1, Relaxed);
    Ok(articles.iter().map(|article| (*article, article * factor)).collect())
}

/// A new price list ends every price of its supplier, however many there are.
#[invalidate(tags = ["supplier:<supplier>"])]
async fn new_price_list(supplier: &str) {
    println!("  {supplier} sends a new price list");
}

/// Counts the writes: what a middleware of one's own looks like.
#[derive(Default)]
struct Writes(AtomicUsize);

impl Middleware for Writes {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        if request.verb() == Verb::Set {
            self.0.fetch_add(1, Relaxed);
        }
        next.run(request)
    }

    // Reads are none of its business: hits stay as direct as they were.
    fn sees_hits(&self) -> bool {
        false
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let shelf = Route::to("mem://?size=10000").ttl("1h").middleware(HitRatio::new());
    let cache = Cache::builder()
        .route("", shelf)
        .middleware(Writes::default())
        .middleware(Timing::new())
        .build()
        .await?;
    cache.clone().install()?;

    println!("the first customer looks at three articles:");
    let (answer, calls) = detect(prices(&[1, 2, 3], "Ada & Sons")).await;
    show(&answer?, &calls);

    println!("the second at four, of which two are known:");
    let (answer, calls) = detect(prices(&[2, 3, 4, 5], "Ada & Sons")).await;
    show(&answer?, &calls);
    assert_eq!((calls.count(Outcome::Hit), calls.count(Outcome::Computed)), (2, 2));
    assert_eq!(QUERIES.load(Relaxed), 2);

    println!("the price list changes:");
    new_price_list("Ada & Sons").await;
    let (_, calls) = detect(prices(&[1, 2, 3, 4, 5], "Ada & Sons")).await;
    assert_eq!(calls.count(Outcome::Computed), 5);
    println!("  all five are asked for again, in one query");
    assert_eq!(QUERIES.load(Relaxed), 3);

    let writes = cache.middleware::<Writes>().map_or(0, |writes| writes.0.load(Relaxed));
    let took = cache.middleware::<Timing>().map(|timing| timing.of(Verb::Set).mean());
    println!("{writes} writes, {:?} each on average; {:?}", took.unwrap_or_default(), prices::stats());
    assert_eq!(writes, 10);
    Ok(())
}

fn show(prices: &BTreeMap<u32, u32>, calls: &macadamia::Calls) {
    for call in calls {
        let left = call.ttl_left().map_or_else(|| "for good".to_owned(), |left| format!("for {left:.0?}"));
        println!("  {:10} {:?}, kept {left}", call.key, call.outcome);
    }
    println!("  {prices:?}");
}
