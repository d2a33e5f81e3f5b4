//! On a server of its own, since it is killed or counted.

use std::time::{Duration, Instant};

use macadamia_test_servers::Redis;
use tempfile::TempDir;

use super::instance::{Service, cache, name};
use super::load::Load;
use super::support::process::PATIENCE;
use super::{loses_nothing, share};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_share_what_one_of_them_read_and_what_one_of_them_ended() {
    share(&Redis::start().url()).await;
}

/// A message after one has renamed or ended it, the other has no longer what it kept near.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_services_keep_near_ends_with_what_either_of_them_does() {
    let (server, table) = (Redis::start(), TempDir::new().unwrap());
    let url = format!("{}?client_side=true", server.url());
    let variables = [("TABLE", table.path().to_str().unwrap())];
    let [one, other] = [(); 2].map(|()| Service::begin(&url, &variables));
    // Of entries, and of the generations of tags.
    let reads = || {
        let told = server.command(&["INFO", "commandstats"]).text();
        let is_read = |line: &&str| line.starts_with("cmdstat_get:") || line.starts_with("cmdstat_mget:");
        told.lines().filter(is_read).map(str::to_owned).collect::<Vec<_>>()
    };
    for round in 0..20 {
        // What was computed or read is near from its next reading on.
        for service in [&one, &other, &one, &other] {
            assert_eq!(service.get("/products/7").await.status, 200);
        }
        let before = reads();
        for service in [&one, &other] {
            assert_eq!(cache(&service.get("/products/7").await), "hit");
        }
        assert_eq!(reads(), before, "a hit near has asked the server in round {round}");
        let new = format!("name {round}");
        one.send("PUT", "/products/7", &new).await;
        assert_eq!(name(&one.get("/products/7").await), new, "its own write");
        let told = Instant::now();
        while name(&other.get("/products/7").await) != new {
            assert!(told.elapsed() < Duration::from_secs(1), "the other is not told in round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_a_service_loses_no_request() {
    loses_nothing(&Redis::start().url()).await;
}

/// Waits for hits, and tells how long they took to come.
async fn until_hits(service: &Service) -> Duration {
    let (began, mut client) = (Instant::now(), service.client());
    loop {
        if cache(&client.get("/products/7").await.unwrap()) == "hit" {
            return began.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "no hits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_server_is_killed_and_hits_resume_within_a_second() {
    let server = Redis::start();
    let service = Service::begin(&server.url(), &[("DRAIN", "1")]);
    let load = Load::on(service.address, 8);
    load.more(400).await;
    until_hits(&service).await;
    for round in 0..2 {
        server.kill();
        let queries = service.count("/queries").await;
        load.more(400).await;
        assert!(service.count("/queries").await > queries, "without the cache the table is asked");
        let health = service.get("/health").await;
        assert!(health.status == 200 && !health.body.contains("\"up\""), "{health:?}");
        server.restart();
        let took = until_hits(&service).await;
        assert!(took < Duration::from_secs(1), "hits after {took:?} in round {round}");
        load.more(400).await;
    }
    let health = service.get("/health").await;
    assert!(health.body.contains("\"up\""), "{health:?}");
    service.process.signal("TERM");
    load.left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_server_stands_still() {
    let server = Redis::start();
    let service = Service::begin(&server.url(), &[("DRAIN", "1")]);
    let load = Load::on(service.address, 8);
    load.more(400).await;
    server.pause();
    load.more(200).await;
    server.resume();
    until_hits(&service).await;
    load.more(400).await;
    service.process.signal("TERM");
    load.left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_begins_while_the_server_is_down() {
    let server = Redis::start();
    server.kill();
    let service = Service::begin(&server.url(), &[]);
    assert_eq!(cache(&service.get("/products/7").await), "computed");
    server.restart();
    until_hits(&service).await;
}
