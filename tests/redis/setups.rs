//! Where caches come from: URLs, setters, data; and the connections they make.

use std::time::{Duration, Instant};

use macadamia::middleware::{HitRatio, Timing};
use macadamia::{Cache, Redis, Route};
use macadamia_test_servers::Redis as Server;
use tokio::task::JoinSet;

use super::place::{PATIENCE, Place, open, until};

fn connections(server: &Server) -> usize {
    server.command(&["CLIENT", "LIST"]).text().matches("name=macadamia").count()
}

#[tokio::test]
async fn the_database_is_in_the_path_or_an_option_and_databases_keep_caches_apart() {
    let server = Server::start();
    let url = server.url();
    let default = open(&url).await;
    let (zero, one) = (open(&format!("{url}/0")).await, open(&format!("{url}/1")).await);
    default.set("k", "of 0").await.unwrap();
    assert_eq!(zero.get::<String>("k").await.unwrap().as_deref(), Some("of 0"));
    assert_eq!(one.get::<String>("k").await.unwrap(), None);
    one.set("k", "of 1").await.unwrap();
    let option = open(&format!("{url}?db=1")).await;
    assert_eq!(option.get::<String>("k").await.unwrap().as_deref(), Some("of 1"));
    let setter = Redis::builder().server("127.0.0.1", server.port()).db(1);
    let setter = Cache::builder().route("", setter).build().await.unwrap();
    assert_eq!(setter.get::<String>("k").await.unwrap().as_deref(), Some("of 1"));
    one.clear().await.unwrap();
    assert_eq!(default.get::<String>("k").await.unwrap().as_deref(), Some("of 0"));
}

#[tokio::test]
async fn options_stand_in_the_query_right_behind_the_host() {
    let server = Server::start();
    let cache = open(&format!("{}?ttl=600", server.url())).await;
    cache.set("k", "v").await.unwrap();
    let left = server.command(&["PTTL", "k"]).integer();
    assert!((590_000..=601_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_password_is_shown_from_the_url_an_option_or_a_setter() {
    let server = Server::builder().password("open:sesame").start();
    let at = format!("127.0.0.1:{}", server.port());
    let setter = Redis::builder().server("127.0.0.1", server.port()).password("open:sesame");
    for route in [
        Route::to(format!("redis://:open%3Asesame@{at}").as_str()),
        Route::to(format!("redis://{at}?password=open%3Asesame").as_str()),
        Route::to(setter),
    ] {
        let cache = Cache::builder().route("", route.timeout(PATIENCE)).build().await.unwrap();
        assert_eq!(cache.ping("hello").await.unwrap(), "hello");
    }
    for wrong in [format!("redis://:sesame@{at}"), format!("redis://{at}")] {
        let error = open(&wrong).await.ping("hello").await.unwrap_err().to_string();
        assert!(!error.contains("sesame"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_at_first_and_ten_at_most_unless_the_url_says_otherwise() {
    for (more, least, most) in [("", 1, 10), ("?minsize=2&maxsize=3", 2, 3), ("?minsize=4&maxsize=4", 4, 4)] {
        let server = Server::start();
        let cache = open(&format!("{}{more}", server.url())).await;
        assert_eq!(connections(&server), 0, "connecting is lazy");
        cache.set("k", &"v".repeat(10_000)).await.unwrap();
        until("the least connections", async || connections(&server) == least).await;
        let mut load = JoinSet::new();
        for _ in 0..400 {
            let cache = cache.clone();
            load.spawn(async move {
                for _ in 0..5 {
                    cache.get::<String>("k").await.unwrap();
                }
            });
        }
        load.join_all().await;
        let there = connections(&server);
        assert!((least..=most).contains(&there), "{there} connections with {more:?}");
    }
}

#[tokio::test]
async fn a_prefix_may_have_a_server_of_its_own_and_the_others_have_the_default() {
    let (default, functions) = (Place::fresh(), Place::fresh());
    let cache = Cache::builder()
        .route("", default.url("").as_str())
        .route("func:", functions.url("?minsize=2&suppress=0&hash_key=my_secret").as_str())
        .build()
        .await
        .unwrap();
    cache.set("accounts", "a").await.unwrap();
    cache.set("func:f", "f").await.unwrap();
    assert_eq!(default.names(), ["accounts"]);
    assert_eq!(functions.names(), ["func:f"]);
    assert_eq!(cache.get::<String>("func:f").await.unwrap().as_deref(), Some("f"));
    let unsigned = functions.cache("").await;
    assert_eq!(unsigned.get::<String>("func:f").await.unwrap(), None, "it is signed");
}

#[tokio::test]
async fn three_backends_stand_behind_one_interface() {
    let place = Place::fresh();
    for (url, keeps) in [("null://", false), ("mem://", true), (&*place.url(""), true)] {
        let cache = Cache::builder().route("", url).build().await.unwrap();
        cache.set("k", "v").ttl("1m").await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().is_some(), keeps, "{url}");
        assert_eq!(cache.delete("k").await.unwrap(), keeps, "{url}");
    }
}

#[tokio::test]
async fn caches_of_one_name_share_a_server_whether_they_are_the_same_or_new() {
    let place = Place::fresh();
    let text = format!(
        "[redis_alt]\nbackend = 'redis'\nendpoint = '127.0.0.1'\nport = {}\ndb = {}\ntimeout = 10\n\
         codec = 'json'\nplugins = [{{ class = 'hit_miss_ratio' }}, {{ class = 'timing' }}]\n",
        place.server.port(),
        place.db
    );
    Cache::configure(&*text).unwrap();
    let shared = Cache::named("redis_alt").unwrap();
    let fresh = Cache::create("redis_alt").unwrap();
    fresh.set("key", "value").await.unwrap();
    assert_eq!(
        Cache::named("redis_alt").unwrap().get::<String>("key").await.unwrap().as_deref(),
        Some("value")
    );
    assert_eq!(shared.get_raw("key").await.unwrap().unwrap(), "\"value\"", "it is JSON");
    assert!(shared.delete("key").await.unwrap());
    assert_eq!(fresh.get::<String>("key").await.unwrap(), None);
    assert!(shared.middleware::<HitRatio>().is_some() && fresh.middleware::<Timing>().is_some());
}

#[tokio::test]
async fn middleware_sees_the_commands_that_go_to_a_server() {
    let place = Place::fresh();
    let route = place.url("");
    let cache = Cache::builder().route("", route.as_str()).middleware(HitRatio::new()).build().await.unwrap();
    cache.set("k", "v").await.unwrap();
    cache.get::<String>("k").await.unwrap();
    cache.get::<String>("none").await.unwrap();
    let ratio = cache.middleware::<HitRatio>().unwrap();
    assert_eq!((ratio.total().hits, ratio.total().total), (1, 2));
}

#[tokio::test]
async fn setters_say_what_the_url_says_and_wrong_values_are_named() {
    let server = Server::start();
    let built = Redis::builder()
        .server("127.0.0.1", server.port())
        .db(1)
        .minsize(1)
        .maxsize(5)
        .create_connection_timeout(Duration::from_millis(500));
    let by_setters =
        Cache::builder().route("", Route::to(built).key_prefix("p").ttl("1h")).build().await.unwrap();
    let url = format!(
        "{}/?db=1&minsize=1&maxsize=5&create_connection_timeout=0.5&safe=0&enable=1&key_prefix=p&ttl=3600",
        server.url()
    );
    let by_url = open(&url).await;
    by_setters.set("k", "v").await.unwrap();
    assert_eq!(by_url.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    for (wrong, named) in [
        ("?maxsize=0", "maxsize"),
        ("?minsize=3&maxsize=2", "minsize"),
        ("?db=many", "db"),
        ("?create_connection_timeout=soon", "create_connection_timeout"),
        ("?client_side=perhaps", "client_side"),
        ("?maxsise=3", "maxsize"),
    ] {
        let built = Cache::builder().route("", format!("{}{wrong}", server.url()).as_str()).build().await;
        let error = built.err().unwrap_or_else(|| panic!("{wrong} is taken"));
        assert!(error.is_config() && error.to_string().contains(named), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn a_connection_takes_no_longer_to_open_than_it_may() {
    // Connections are taken by the kernel, and nobody says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let cache = open(&format!("redis://{at}?create_connection_timeout=0.3")).await;
    let before = Instant::now();
    assert!(cache.ping("hello").await.unwrap_err().is_unavailable());
    let took = before.elapsed();
    assert!(took >= Duration::from_millis(290) && took < PATIENCE, "{took:?}");
}
