use std::collections::BTreeSet;

use macadamia::{Cache, Error, Redis, Route, Scope, cached, circuit_breaker, rate_limit};
use macadamia_test_servers::{Redis as Server, Reply};

const PAGE: &str = include_str!("../../docs/redis.md");

#[cached(ttl = "10m", key = "product:<id>", tags = ["catalogue"], lock = true)]
async fn product(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[rate_limit(limit = 10, period = "1m", key = "search:<client>")]
async fn search(client: &str) -> Result<usize, Error> {
    Ok(client.len())
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "10s", key = "offers")]
async fn offer() -> Result<u32, Error> {
    Ok(1)
}

async fn set_up() -> macadamia::Result<()> {
    Cache::builder().route("", "redis://cache.internal").build().await?.install()
}

async fn by_setters() -> macadamia::Result<Cache> {
    let server = Redis::builder().server("10.0.0.7", 6379).db(2).maxsize(4);
    let sessions = Route::to(server).ttl("30m").key_prefix("sessions");
    Cache::builder().route("", "redis://10.0.0.7").route("session:", sessions).build().await
}

async fn guards_apart() -> macadamia::Result<Cache> {
    let guards = "redis://guards.internal";
    Cache::builder()
        .route("", "redis://cache.internal")
        .route("lock:", guards)
        .route("rate_limit:", guards)
        .route("circuit_breaker:", guards)
        .build()
        .await
}

async fn near() -> macadamia::Result<Cache> {
    Cache::builder().route("", "redis://cache.internal?client_side=true&client_side_size=50000").build().await
}

async fn a_day(cache: &Cache) -> macadamia::Result<()> {
    product(7).await?;
    search("Ada").await?;
    offer().await?;
    cache.incr("visits").await?;
    cache.set("plain", "text").ttl("1h").await?;
    Ok(())
}

#[tokio::test]
async fn nothing_is_connected_before_it_is_needed() {
    for cache in [by_setters().await, guards_apart().await, near().await] {
        assert!(cache.is_ok());
    }
    set_up().await.unwrap();
}

#[tokio::test]
async fn what_lies_on_the_server_after_a_day_is_listed() {
    let server = Server::start();
    let url = format!("{}?key_prefix=shop&timeout=20", server.url());
    let cache = Cache::builder().route("", url.as_str()).build().await.unwrap();
    Scope::new().cache(&cache).run(a_day(&cache)).await.unwrap();
    let names = server.command(&["KEYS", "*"]);
    let names: BTreeSet<_> =
        names.items().iter().map(Reply::text).filter(|name| !name.contains(":fill:")).collect();
    let names: String = names.into_iter().map(|name| name + "\n").collect();
    assert!(PAGE.contains(&format!("```text\n{names}```")), "the page should list\n\n{names}");
    for name in names.lines() {
        let value = server.command(&["GETRANGE", name, "0", "1"]);
        let Reply::Bytes(mark) = value else { panic!("{value:?}") };
        assert!(matches!(mark[..], [0xCA, 0xDA..=0xDE]), "{name} begins with {mark:02X?}");
        let ttl = server.command(&["PTTL", name]).integer();
        assert_eq!(ttl > 0, name != "shop:visits", "{name} is kept for {ttl} ms");
    }
}

/// The rules of the page.
fn rules() -> String {
    let at = PAGE.find("\non >password ").unwrap() + 1;
    PAGE[at..].lines().next().unwrap().to_owned()
}

/// All that a program may do, with keys that are nowhere else.
async fn everything(cache: &Cache) -> macadamia::Result<()> {
    Scope::new().cache(cache).run(a_day(cache)).await?;
    for key in ["a", "b"] {
        assert!(cache.add(key, &1_i64).await?);
        assert!(cache.set(key, &2_i64).ttl("1h").await?);
    }
    assert_eq!(cache.incr("a").by(3).ttl("1m").await?, 5);
    assert!(cache.expire("a", "1h").await? && cache.expire("plain", "2h").await?);
    assert!(cache.size_of("a").await?.is_some());
    assert_eq!(cache.get_many::<i64, _>(["a", "b"]).await?, [Some(5), Some(2)]);
    let (_, token) = cache.gets::<i64>("b").await?.unwrap();
    assert!(cache.cas("b", &3_i64, &token).await?);
    cache.set("red", "v").tags(["red"]).ttl("forever").await?;
    cache.set("long", "v").tags(["blue"]).ttl("2d").await?;
    cache.delete_tags(["red"]).await?;
    assert!(!cache.exists("red").await?);
    drop(cache.lock("job", "1m").renew().await?);
    assert_eq!(cache.delete_match("a*").await?, 1);
    assert!(cache.delete("b").await?);
    assert_eq!(cache.scan("pl*").await?, ["plain"]);
    assert_eq!(cache.ping("hello").await?, "hello");
    cache.clear().await?;
    assert_eq!(cache.keys_count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_user_of_the_page_may_do_what_is_needed_and_no_more() {
    let narrow = "~shop:* ~*:shop:* ~macadamia:fill:*";
    assert!(PAGE.contains(&format!("`{narrow}`")));
    for (keys, more) in [("~*", ""), (narrow, "&key_prefix=shop")] {
        let server = Server::builder().user("macadamia", &rules().replace("~*", keys)).start();
        server.command(&["SET", "theirs", "of another program"]);
        let url = format!("redis://macadamia:password@{}?timeout=20&require=true{more}", server.address());
        let cache = Cache::builder().route("", url.as_str()).build().await.unwrap();
        everything(&cache).await.unwrap();
        assert!(cache.raw::<&str>("FLUSHDB", &[]).await.is_err() && cache.flush_all().await.is_err());
        assert_eq!(server.command(&["GET", "theirs"]).text(), "of another program");
        let log = server.command(&["ACL", "LOG"]);
        let refused = log.items().iter().map(|entry| format!("{entry:?}"));
        let ours: Vec<_> =
            refused.filter(|entry| !entry.contains("flushdb") && !entry.contains("flushall")).collect();
        assert!(ours.is_empty(), "refused: {ours:#?}");
    }
}

/// Whoever lacks one of its commands is refused something. But for three: no connection is lost here, no entry is near,
/// and no generation of a tag grows old.
#[tokio::test]
async fn the_user_of_the_page_has_no_command_without_need() {
    let server = Server::start();
    let rules = rules();
    for command in rules.split(' ').filter(|rule| rule.starts_with('+')) {
        if ["+client|kill", "+client|tracking", "+pexpire"].contains(&command) {
            continue;
        }
        let fewer: Vec<_> = rules.split(' ').filter(|rule| *rule != command).collect();
        server.command(&[&["ACL", "SETUSER", "macadamia", "reset"][..], &fewer].concat());
        server.command(&["SCRIPT", "FLUSH"]);
        server.command(&["ACL", "LOG", "RESET"]);
        let url = format!("redis://macadamia:password@{}?timeout=20", server.address());
        let cache = Cache::builder().route("", url.as_str()).build().await.unwrap();
        // An assertion that fails is a refusal that was noticed.
        let outcome = tokio::spawn(async move { everything(&cache).await }).await;
        let is_logged = !server.command(&["ACL", "LOG"]).items().is_empty();
        assert!(is_logged || !matches!(outcome, Ok(Ok(()))), "{command} is not needed");
        server.command(&["FLUSHALL"]);
    }
}

#[test]
fn the_options_of_the_page_are_those_there_are() {
    for option in ["db", "maxsize", "minsize", "client_side", "client_side_size", "cluster"] {
        let wrong = format!("redis://localhost?{option}=wrong");
        let built = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(Cache::builder().route("", wrong.as_str()).build());
        assert!(built.unwrap_err().to_string().contains(option), "{option}");
    }
    let unknown = "redis://localhost?no_such_option=1";
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told = runtime.block_on(Cache::builder().route("", unknown).build()).unwrap_err().to_string();
    let (_, options) = told.split_once("it has: ").unwrap();
    for option in options.split(", ") {
        assert!(PAGE.contains(&format!("`{option}`")), "the page has no option {option}");
    }
}
