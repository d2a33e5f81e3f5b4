//! Servers that take no writes: a master that became a replica, a replica, a master without replicas.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cache_core::{Backend, Cache, Error, Event, EventKind, Key, Observer};
use macadamia_test_servers::Redis as Server;

use super::{PATIENCE, at, once_reached, route, until};

/// An address whose new connections lead where it says now; the old ones stay.
struct Address {
    port: u16,
    leads_to: Arc<AtomicU16>,
}

impl Address {
    fn of(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let leads_to = Arc::new(AtomicU16::new(server.port()));
        let goal = Arc::clone(&leads_to);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                let Ok(far) = TcpStream::connect(("127.0.0.1", goal.load(Ordering::SeqCst))) else {
                    continue;
                };
                let ends = (near.try_clone().unwrap(), far.try_clone().unwrap());
                for (mut from, mut into) in [ends, (far, near)] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = into.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { port, leads_to }
    }

    fn lead_to(&self, server: &Server) {
        self.leads_to.store(server.port(), Ordering::SeqCst);
    }
}

fn connections(server: &Server) -> usize {
    server.command(&["CLIENT", "LIST"]).text().matches("name=macadamia").count()
}

fn demote(server: &Server) {
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
}

/// How often a server was said to be down.
#[derive(Clone, Default)]
struct Down(Arc<AtomicUsize>);

impl Observer for Down {
    fn on_event(&self, event: &Event<'_>) {
        if event.kind == EventKind::BackendDown {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_nothing_is_read_from_the_server_that_was_the_master() {
    let (old, new) = (Server::start(), Server::start());
    let address = Address::of(&old);
    let cache = route(at(address.port).minsize(2)).await;
    cache.set("k", "old").await.unwrap();
    until("there are two connections", || connections(&old) == 2).await;
    address.lead_to(&new);
    demote(&old);
    let begun = Instant::now();
    while !cache.set("k", "new").await.unwrap_or(false) {
        assert!(begun.elapsed() < PATIENCE, "nothing can be written any more");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..20 {
        let read = |_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get_many::<String, _>(["k", "l"]).await })
        };
        for read in (0..64).map(read).collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap().unwrap(), [Some("new".to_owned()), None]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_near_does_not_outlive_the_server_that_tells_of_it() {
    let (old, new) = (Server::start(), Server::start());
    let address = Address::of(&old);
    let cache = route(at(address.port).client_side(true)).await;
    let other = route(at(new.port())).await;
    cache.set("k", "old").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("old"));
    address.lead_to(&new);
    demote(&old);
    other.set("k", "new").await.unwrap();
    // This one only reads, so nothing is refused to it.
    let begun = Instant::now();
    while cache.get::<String>("k").await.ok().flatten().as_deref() != Some("new") {
        assert!(begun.elapsed() < PATIENCE, "it is read where nothing changes any more");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_a_replica_and_stays_one_it_is_read() {
    let server = Server::start();
    let redis = at(server.port()).build();
    route(redis.clone()).await.set("k", "v").await.unwrap();
    demote(&server);
    let (key, down) = (Key::from("k"), Down::default());
    let refused = once_reached(async || match redis.delete(&key).await {
        Err(Error::Backend(said)) => Ok(said),
        Err(error) => Err(error),
        Ok(is) => panic!("a replica has deleted it: {is}"),
    });
    assert!(refused.await.contains("READONLY"));
    let cache = Cache::builder().route("", redis).observer(down.clone()).timeout(PATIENCE).build();
    let cache = cache.await.unwrap();
    // Longer than a connection to a replica is believed to be the only way there is.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        assert!(cache.set("other", "v").await.is_err());
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(down.0.load(Ordering::SeqCst), 0, "it was down");
    server.command(&["REPLICAOF", "NO", "ONE"]);
    assert!(cache.set("other", "v").await.unwrap(), "it takes writes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_led_to_a_replica_is_asked_again() {
    let (old, new) = (Server::start(), Server::start());
    let address = Address::of(&old);
    demote(&old);
    let redis = at(address.port).build();
    let key = Key::from("k");
    assert!(redis.delete(&key).await.is_err_and(|error| !error.is_unavailable()));
    address.lead_to(&new);
    let begun = Instant::now();
    while redis.delete(&key).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "it is left at the replica");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_without_replicas_to_write_to_is_read() {
    let (server, down) = (Server::start(), Down::default());
    let cache =
        Cache::builder().route("", at(server.port())).observer(down.clone()).timeout(PATIENCE).build();
    let cache = cache.await.unwrap();
    cache.set("k", "v").await.unwrap();
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    for _ in 0..50 {
        let refused = cache.set("other", "v").await;
        assert!(matches!(&refused, Err(Error::Backend(said)) if said.contains("NOREPLICAS")), "{refused:?}");
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    }
    assert_eq!(down.0.load(Ordering::SeqCst), 0, "it was down");
}
