//! With no set-up at all.

use macadamia::{Cache, Error, cached};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = 300)]
async fn search(query: &str, limit: u32) -> Vec<String> {
    RUNS.fetch_add(1, SeqCst);
    vec![query.to_owned(); limit as usize]
}

#[tokio::test]
async fn an_attribute_with_a_ttl_and_nothing_else_caches_in_embedded_memory() {
    assert_eq!(search("x", 2).await, ["x", "x"]);
    assert_eq!(search("x", 2).await, ["x", "x"]);
    assert_eq!(RUNS.load(SeqCst), 1);
    search("x", 3).await;
    assert_eq!(RUNS.load(SeqCst), 2);
    assert!(Cache::global().exists(search::key("x", 2)).await.unwrap());
    // Used already: switching now would lose what is stored.
    let late = Cache::builder().route("", "mem://").build().await.unwrap().install();
    assert!(matches!(late, Err(Error::Config(_))));
}
