//! With no set-up at all.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

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

/// What a program that depends on this crate builds.
fn built_with(features: &str) -> String {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "macadamia",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--offline",
        ])
        .args(["--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_client_of_a_server_is_built_unless_a_feature_asks_for_it() {
    for (features, redis, sqlite) in [("", false, false), ("redis", true, false), ("disk", false, true)] {
        let built = built_with(features);
        let has = |name: &str| built.lines().any(|line| line.split(' ').next() == Some(name));
        assert!(has("moka"), "{built}");
        assert_eq!((has("redis"), has("rusqlite")), (redis, sqlite), "with {features:?}");
    }
}
