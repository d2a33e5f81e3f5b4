//! Where a server is, and whom it lets in.

use std::time::{Duration, Instant};

use cache_core::{Backend, Error, Reply};
use macadamia_test_servers::Redis as Server;

use super::{at, hold, route};

#[tokio::test]
async fn a_url_leads_to_the_database_it_names() {
    let server = Server::start();
    for (url, db) in [
        (server.url(), 0),
        (format!("{}/5", server.url()), 5),
        (format!("{}?db=6", server.url()), 6),
        (format!("redis+unix://{}?db=7", server.socket().display()), 7),
        (format!("unix://{}", server.socket().display()), 0),
    ] {
        let cache = route(url.as_str()).await;
        cache.set("k", "v").await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"), "{url}");
        let keys = server.info("keyspace", &format!("db{db}"));
        assert!(keys.starts_with("keys=1,"), "{url}: {keys}");
        cache.clear().await.unwrap();
        cache.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_password_lets_in_and_a_wrong_one_is_told_without_it() {
    let server = Server::builder().password("s3cr3t").user("me", "on >m1ne ~* &* +@all").start();
    let cache = route(server.url().as_str()).await;
    cache.set("k", "v").await.unwrap();
    let mine = route(at(server.port()).user("me").password("m1ne")).await;
    assert_eq!(mine.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    for wrong in [at(server.port()).password("gu3ss"), at(server.port())] {
        let refused = wrong.build().get(&"k".into()).await;
        let said = refused.as_ref().unwrap_err().to_string();
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        assert!(!said.contains("gu3ss") && !said.contains("s3cr3t"), "{said}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let port = {
        let server = Server::start();
        server.port()
    };
    let redis = at(port).build();
    let begun = Instant::now();
    for _ in 0..1_000 {
        let refused = redis.get(&"k".into()).await;
        assert!(matches!(refused, Err(Error::Unavailable { backend: "redis", .. })), "{refused:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let refused = redis.delete(&"k".into()).await.unwrap_err();
    assert!(
        refused.is_unavailable() && refused.to_string().contains(&format!("127.0.0.1:{port}")),
        "{refused}"
    );
}

#[tokio::test]
async fn tls_is_spoken_with_whom_an_authority_has_signed() {
    let server = Server::builder().mutual_tls().start();
    let tls = server.tls();
    let url = format!(
        "{}?tls_ca={}&tls_cert={}&tls_key={}",
        server.url(),
        tls.authority.display(),
        tls.client_certificate.display(),
        tls.client_key.display()
    );
    let cache = route(url.as_str()).await;
    cache.set("k", "v").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    // Nobody whom browsers know has signed it, and it wants to see a certificate.
    let port = server.port();
    for stranger in
        [at(port).tls(), at(port).tls_ca(&tls.authority), at(port).tls_ca(&tls.stranger), at(port)]
    {
        let refused = stranger.build().get(&"k".into()).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_user_may_not_do_is_unsupported() {
    let limited = Server::builder()
        .user("reader", "on >secret ~* &* +@all -scan")
        .user("keeper", "on >secret ~* &* +@all -unlink")
        .user("mute", "on >secret ~* &* +@all -evalsha -eval")
        .user("boxed", "on >secret ~mine:* ~macadamia:* &* +@all")
        .start();
    let of = |user: &str| at(limited.port()).user(user).password("secret").build();
    let reader = route(of("reader")).await;
    reader.set("k", "v").await.unwrap();
    assert_eq!(reader.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    for refused in
        [reader.scan("*").await.map(drop), reader.delete_match("k*").await.map(drop), reader.clear().await]
    {
        assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    }
    // Nothing is tried for ever where nothing can be removed.
    let keeper = route(of("keeper")).await;
    for refused in [keeper.delete_match("k*").await.map(drop), keeper.clear().await] {
        assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    }
    let mute = route(of("mute")).await;
    assert_eq!(mute.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    let refused = mute.set("k", "v").await;
    assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    let boxed = route(of("boxed")).await;
    boxed.set("mine:k", "v").await.unwrap();
    let refused = boxed.get::<String>("k").await;
    assert!(matches!(refused, Err(Error::Backend(_))), "one key is refused, not the command: {refused:?}");
}

/// Those that the documentation of the builder lists.
#[tokio::test]
async fn a_user_needs_few_commands() {
    const NEEDED: &str = "+del +eval +evalsha +get +getrange +incrby +memory +mget +persist +pexpire +pexpireat +ping \
                          +pttl +scan +set +strlen +time +type +unlink";
    let server = Server::builder().user("me", &format!("on >secret ~* {NEEDED}")).start();
    let redis = at(server.port()).user("me").password("secret").build();
    let cache = route(redis.clone()).await;
    cache.set("k", "v").ttl("5h").tags(["red"]).await.unwrap();
    cache.set("forever", "v").tags(["red"]).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(cache.get_many::<String, _>(["k", "none"]).await.unwrap().len(), 2);
    assert_eq!(cache.incr("n").ttl("1m").await.unwrap(), 1);
    assert!(cache.expire("n", "2m").await.unwrap() && cache.expire("k", "2m").await.unwrap());
    assert!(cache.size_of("k").await.unwrap().is_some());
    assert!(cache.add("added", "v").await.unwrap());
    hold(&redis, "lock:k", 1).await;
    let fill = redis.begin_fill(&"k".into()).await.unwrap().unwrap();
    redis.end_fill(&"k".into(), fill);
    assert_eq!(cache.scan("*").await.unwrap().len(), 4);
    cache.delete_tags(["red"]).await.unwrap();
    assert!(cache.delete("n").await.unwrap());
    assert_eq!(cache.delete_match("a*").await.unwrap(), 1);
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
    cache.clear().await.unwrap();
}

#[tokio::test]
async fn a_raw_command_is_answered_as_the_server_answers() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
    cache.set("myapp:user:7", "v").await.unwrap();
    let keys = cache.raw("KEYS", &["myapp:user:*"]).await.unwrap();
    assert_eq!(keys, Reply::List(vec![Reply::Bytes("myapp:user:7".into())]));
    assert_eq!(cache.raw("SET", &["theirs", "7"]).await.unwrap(), Reply::Status("OK".to_owned()));
    assert_eq!(cache.raw("INCR", &["theirs"]).await.unwrap(), Reply::Int(8));
    assert_eq!(cache.raw("GET", &["none"]).await.unwrap(), Reply::Nil);
    assert!(matches!(cache.raw("CONFIG GET", &["save"]).await.unwrap(), Reply::Map(_)));
    let refused = cache.raw("NOSUCH", &["\r\nFLUSHALL\r\n"]).await;
    assert!(matches!(&refused, Err(Error::Backend(said)) if said.contains("NOSUCH")), "{refused:?}");
    let refused = cache.raw("SELECT", &["1"]).await;
    assert!(matches!(refused, Err(Error::Backend(_))), "{refused:?}");
    assert_eq!(cache.get::<String>("myapp:user:7").await.unwrap().as_deref(), Some("v"));
}
