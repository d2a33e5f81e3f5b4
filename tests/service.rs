//! The promises of the example `service`, made to those who ask it over HTTP: by a process of its own, as it is run.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

#[path = "../examples/service/client.rs"]
mod client;
#[path = "../examples/service/demo.rs"]
mod demo;
#[path = "../examples/service/server.rs"]
mod server;
#[path = "../examples/service/shop.rs"]
mod shop;
mod support;
#[path = "../examples/service/web.rs"]
mod web;
#[path = "../examples/service/world.rs"]
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use client::{Client, Reply};
use serde_json::Value;
use server::{Settings, until_told};
use support::process::{PATIENCE, Process};
#[cfg(any(feature = "disk", feature = "redis"))]
use tempfile::TempDir;
use tokio::task::JoinHandle;

const ROLE: &str = "the_service_shows_itself_and_ends";

/// A service in a process of its own.
struct Service {
    process: Process,
    address: SocketAddr,
}

impl Service {
    fn begin(cache: &str, variables: &[(&str, &str)]) -> Self {
        let given = [("MACADAMIA_TEST_SERVICE", "yes"), ("CACHE_URL", cache), ("PORT", "0")];
        let process = Process::begin(ROLE, &[&given, variables].concat());
        let address = process.hear("listening on http://").unwrap().parse().unwrap();
        Self { process, address }
    }

    fn client(&self) -> Client {
        Client::of(self.address)
    }

    async fn get(&self, path: &str) -> Reply {
        self.client().get(path).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, body: &str) {
        assert_eq!(self.client().ask(method, path, body).await.unwrap().status, 204, "{method} {path}");
    }

    /// A number of `/stats`.
    async fn count(&self, path: &str) -> u64 {
        let stats: Value = serde_json::from_str(&self.get("/stats").await.body).unwrap();
        stats.pointer(path).and_then(Value::as_u64).unwrap()
    }
}

fn cache(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("x-cache").unwrap()
}

fn name(reply: &Reply) -> String {
    let product: Value = serde_json::from_str(&reply.body).unwrap();
    product["name"].as_str().unwrap().to_owned()
}

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

/// Clients that ask all the time, until they are asked to leave.
struct Load {
    clients: Vec<JoinHandle<()>>,
    answered: Arc<AtomicU64>,
}

impl Load {
    /// Each with a connection that it keeps, asking for products and for what takes long.
    fn on(address: SocketAddr, clients: u64) -> Self {
        let answered = Arc::<AtomicU64>::default();
        let clients = (0..clients).map(|client| {
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let mut connection = Client::of(address);
                for round in 0_u64.. {
                    let path = match round % 20 {
                        19 => format!("/reports/{client}"),
                        _ => format!("/products/{}", 1 + (client + round) % 50),
                    };
                    let reply = connection.get(&path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
                    assert_eq!(reply.status, 200, "{path}: {reply:?}");
                    answered.fetch_add(1, SeqCst);
                    if reply.header("connection") == Some("close") {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        });
        Self { clients: clients.collect(), answered }
    }

    /// Waits for so many more answers.
    async fn more(&self, answers: u64) {
        let (deadline, until) = (Instant::now() + PATIENCE, self.answered.load(SeqCst) + answers);
        while self.answered.load(SeqCst) < until {
            assert!(Instant::now() < deadline, "no more answers");
            self.all_well();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn all_well(&self) {
        assert!(self.clients.iter().all(|client| !client.is_finished()), "a client was not answered");
    }

    async fn left(self) {
        for client in self.clients {
            client.await.unwrap();
        }
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

/// On a server of its own, since it is killed or counted.
#[cfg(feature = "redis")]
mod on_redis {
    use macadamia_test_servers::Redis;

    use super::{Duration, Instant, Load, PATIENCE, Service, TempDir, cache, loses_nothing, name, share};

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
