//! The promises of the example `service`, made to those who ask it over HTTP: by a process of its own, as it is run.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

#[path = "../../examples/service/client.rs"]
mod client;
#[path = "../../examples/service/demo.rs"]
mod demo;
mod instance;
mod load;
#[cfg(feature = "redis")]
mod on_redis;
#[path = "../../examples/service/server.rs"]
mod server;
#[path = "../../examples/service/shop.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../examples/service/web.rs"]
mod web;
#[path = "../../examples/service/world.rs"]
mod world;

use std::time::{Duration, Instant};

use instance::{Service, cache, name};
use load::Load;
use server::{Settings, until_told};
use support::process::{PATIENCE, Process};
#[cfg(any(feature = "disk", feature = "redis"))]
use tempfile::TempDir;

const ROLE: &str = "the_service_shows_itself_and_ends";

/// Also where the processes of the other tests begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_shows_itself_and_ends() {
    if std::env::var_os("MACADAMIA_TEST_SERVICE").is_some() {
        let settings = Settings::from_env().unwrap();
        match settings.port {
            Some(_) => server::open(&settings).await.unwrap().run(until_told()).await.unwrap(),
            None => demo::run(settings).await.unwrap(),
        }
        std::process::exit(0);
    }
    let mut process = Process::begin(ROLE, &[("MACADAMIA_TEST_SERVICE", "yes")]);
    process.hang_up();
    for told in ["x-cache: hit", "429  rate limit", "503  circuit is open", "closed"] {
        assert!(process.hear(told).is_some(), "it does not say {told:?}");
    }
    assert!(process.ended().success());
}

#[tokio::test]
async fn a_product_is_read_once_until_it_is_renamed_or_the_season_is_over() {
    let service = Service::begin("mem://", &[]);
    assert_eq!(cache(&service.get("/products/7").await), "computed");
    for _ in 0..3 {
        assert_eq!(cache(&service.get("/products/7").await), "hit");
    }
    assert_eq!(service.count("/queries").await, 1);
    service.send("PUT", "/products/7", "hazelnuts").await;
    let renamed = service.get("/products/7").await;
    assert_eq!((cache(&renamed), name(&renamed).as_str()), ("computed", "hazelnuts"));
    service.send("POST", "/season", "").await;
    assert_eq!(cache(&service.get("/products/7").await), "computed");
    assert_eq!(service.count("/queries").await, 3);
    for _ in 0..2 {
        assert_eq!(service.get("/products/0").await.status, 404);
    }
    assert_eq!(service.count("/queries").await, 4, "that there is none is known for a moment");
}

#[tokio::test]
async fn a_limit_is_429_and_an_open_circuit_503_and_both_say_when_to_come_again() {
    let service = Service::begin("mem://", &[]);
    for _ in 0..10 {
        assert_eq!(service.get("/search/nuts").await.status, 200);
    }
    let refused = service.get("/search/nuts").await;
    assert_eq!(refused.status, 429);
    assert!((1..=10).contains(&refused.header("retry-after").unwrap().parse().unwrap()), "{refused:?}");
    assert_eq!(service.count("/queries").await, 10, "a refused search reached the table");

    assert_eq!(service.get("/rates").await.body, "1");
    service.send("POST", "/admin/supplier/down", "").await;
    for _ in 0..4 {
        assert_eq!(service.get("/offer").await.status, 502);
    }
    let spared = service.get("/offer").await;
    assert_eq!((spared.status, spared.header("retry-after")), (503, Some("1")), "{spared:?}");
    assert_eq!(service.count("/asked").await, 5, "a supplier who is down is left alone");
    assert_eq!(service.get("/rates").await.body, "1", "what he said before stands");

    service.send("POST", "/admin/supplier/up", "").await;
    let deadline = Instant::now() + PATIENCE;
    while service.get("/offer").await.status != 200 {
        assert!(Instant::now() < deadline, "the circuit stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Told to stop amid the load: every request is answered in full, and each client told to go elsewhere.
async fn loses_nothing(cache: &str) {
    let mut service = Service::begin(cache, &[("DRAIN", "3")]);
    let load = Load::on(service.address, 16);
    load.more(500).await;
    assert_eq!(service.get("/health").await.status, 200);
    service.process.signal("TERM");
    load.left().await;
    let health = service.get("/health").await;
    assert_eq!(health.status, 503, "whoever distributes requests is told: {health:?}");
    assert!(service.process.ended().success());
    assert!(service.process.hear("closed").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_it_loses_no_request() {
    loses_nothing("mem://").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_when_it_no_longer_listens_is_answered() {
    let mut service = Service::begin("mem://", &[("DRAIN", "0")]);
    let (mut client, queries) = (service.client(), service.count("/queries").await);
    let report = tokio::spawn(async move { client.get("/reports/1").await });
    let deadline = Instant::now() + PATIENCE;
    while service.count("/queries").await == queries {
        assert!(Instant::now() < deadline, "no query");
    }
    service.process.signal("TERM");
    assert_eq!(report.await.unwrap().unwrap().status, 200);
    assert!(service.process.ended().success());
}

#[cfg(feature = "disk")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_on_one_disk_share_what_one_of_them_read_and_what_one_of_them_ended() {
    let directory = TempDir::new().unwrap();
    share(&format!("disk://{}", directory.path().display())).await;
}

/// Two instances of the service with one cache: one reads for both, and what one ends is over for both.
#[cfg(any(feature = "disk", feature = "redis"))]
async fn share(cache_url: &str) {
    let table = TempDir::new().unwrap();
    let variables = [("TABLE", table.path().to_str().unwrap())];
    let [one, other] = [(); 2].map(|()| Service::begin(cache_url, &variables));
    let queries = async || one.count("/queries").await + other.count("/queries").await;

    let first = one.get("/products/7").await;
    let second = other.get("/products/7").await;
    assert_eq!((cache(&first), cache(&second)), ("computed", "hit"));
    assert_eq!(first.body, second.body, "it says which process has read it");
    assert_eq!(queries().await, 1);

    other.send("PUT", "/products/7", "hazelnuts").await;
    let renamed = one.get("/products/7").await;
    assert_eq!((cache(&renamed), name(&renamed).as_str()), ("computed", "hazelnuts"));
    assert_eq!(cache(&other.get("/products/7").await), "hit");

    one.send("POST", "/season", "").await;
    assert_eq!(cache(&other.get("/products/7").await), "computed", "a tag was ended by the other");
    assert_eq!(cache(&one.get("/products/7").await), "hit");
    assert_eq!(queries().await, 3);

    // Ten searches for both together.
    for service in [&one, &other].into_iter().cycle().take(10) {
        assert_eq!(service.get("/search/nuts").await.status, 200);
    }
    for service in [&one, &other] {
        assert_eq!(service.get("/search/nuts").await.status, 429);
    }
    one.send("POST", "/admin/supplier/down", "").await;
    for _ in 0..4 {
        assert_eq!(one.get("/offer").await.status, 502);
    }
    assert_eq!(other.get("/offer").await.status, 503, "what one has found out, the other need not");

    let cold = [&one, &other, &one, &other].map(Service::client);
    let cold = cold.map(|mut client| tokio::spawn(async move { client.get("/reports/1").await.unwrap() }));
    let before = queries().await;
    for reply in cold {
        assert_eq!(reply.await.unwrap().status, 200);
    }
    assert!(queries().await <= before + 1, "one computes for both");
}
