//! Encrypted connections to a server whose certificate an authority of our own has signed.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::LazyLock;

use cache_backends::Redis as Backend;
use cache_core::{Cache, Error, IntoBackend, Result};
use macadamia_test_servers::{Redis, Reply, Tls, random_prefix};

async fn through(url: &str) -> Result<Cache> {
    Cache::builder().route("", url).build().await
}

/// The URL of a server with options that name files.
fn url(server: &Redis, files: &[(&str, &Path)]) -> String {
    let options: Vec<_> = files.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    // A handshake takes longer on a machine that is busy with other tests than anybody would wait.
    format!("{}?timeout=10&create_connection_timeout=10&{}", server.url(), options.join("&"))
}

/// Why nobody is there; the reason is one that says what is wrong with whom.
async fn why(url: &str) -> String {
    match through(url).await.unwrap().ping("hello").await {
        Err(error @ Error::Unavailable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A server that asks nobody who he is.
static OPEN: LazyLock<Redis> = LazyLock::new(|| Redis::builder().tls().start());

/// A server that lets in who has a certificate.
static MUTUAL: LazyLock<Redis> = LazyLock::new(|| Redis::builder().mutual_tls().start());

#[tokio::test]
async fn a_server_that_our_authority_vouches_for_is_believed() {
    let cache = through(&url(&OPEN, &[("tls_ca", OPEN.tls().authority.as_path())])).await.unwrap();
    let key = format!("{}k", random_prefix());
    assert!(cache.set(&key, &7_i32).await.unwrap());
    assert_eq!(cache.get::<i32>(&key).await.unwrap(), Some(7));
    assert_ne!(OPEN.command(&["GET", &key]), Reply::Nil, "it is on that server");
}

#[tokio::test]
async fn a_name_is_checked_against_the_certificate() {
    let named = url(&OPEN, &[("tls_ca", OPEN.tls().authority.as_path())]).replace("127.0.0.1", "localhost");
    assert_eq!(through(&named).await.unwrap().ping("hello").await.unwrap(), "hello");
    let other = named.replace("localhost", "127.0.0.2");
    if std::net::TcpStream::connect(("127.0.0.2", OPEN.port())).is_ok() {
        let why = why(&other).await;
        assert!(why.to_lowercase().contains("certificate"), "{why}");
    }
}

#[tokio::test]
async fn a_server_that_another_authority_vouches_for_is_not_believed() {
    let why = why(&url(&OPEN, &[("tls_ca", OPEN.tls().stranger.as_path())])).await;
    assert!(why.to_lowercase().contains("certificate"), "{why}");
}

#[tokio::test]
async fn without_an_authority_of_our_own_those_that_browsers_know_count() {
    let why = why(&url(&OPEN, &[])).await;
    assert!(why.to_lowercase().contains("certificate"), "{why}");
}

#[tokio::test]
async fn a_server_lets_in_who_shows_a_certificate() {
    let Tls { authority, client_certificate, client_key, .. } = MUTUAL.tls();
    let files = [("tls_ca", &**authority), ("tls_cert", &**client_certificate), ("tls_key", &**client_key)];
    let cache = through(&url(&MUTUAL, &files)).await.unwrap();
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn who_shows_no_certificate_hears_that_one_is_needed() {
    let why = why(&url(&MUTUAL, &[("tls_ca", MUTUAL.tls().authority.as_path())])).await;
    assert!(why.to_lowercase().contains("certificate"), "{why}");
}

#[tokio::test]
async fn a_program_that_speaks_plainly_is_not_answered() {
    let plain = url(&OPEN, &[]).replace("rediss://", "redis://");
    why(&plain).await;
}

#[tokio::test]
async fn a_server_that_speaks_plainly_is_no_server_to_talk_to() {
    let plain = Redis::shared().url().replace("redis://", "rediss://");
    why(&format!("{plain}?timeout=10&create_connection_timeout=500ms")).await;
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_certificate_is_reported_when_the_cache_is_built() {
    let nothing = Path::new("/no/such/file.pem");
    let text = OPEN.directory().join("redis.conf");
    let Tls { authority, client_certificate, client_key, .. } = OPEN.tls();
    for (files, said) in [
        (vec![("tls_ca", nothing)], "/no/such/file.pem"),
        (vec![("tls_ca", &*text)], "tls_ca"),
        (
            vec![("tls_ca", &**authority), ("tls_cert", &**client_certificate), ("tls_key", nothing)],
            "tls_key",
        ),
        (vec![("tls_cert", &*text), ("tls_key", &**client_key)], "tls_cert"),
        (vec![("tls_cert", &**client_certificate), ("tls_key", &**client_certificate)], "tls_key"),
    ] {
        let error = through(&url(&OPEN, &files)).await.map(drop).unwrap_err();
        assert!(error.is_config() && error.to_string().contains(said), "{said}: {error}");
    }
}

#[tokio::test]
async fn the_builder_says_the_same_as_the_url() {
    let Tls { authority, client_certificate, client_key, .. } = MUTUAL.tls();
    let backend = Backend::builder()
        .server("127.0.0.1", MUTUAL.port())
        .create_connection_timeout(std::time::Duration::from_secs(10))
        .tls_ca(authority)
        .tls_own(client_certificate, client_key)
        .into_backend()
        .unwrap();
    assert_eq!(backend.ping("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_password_is_said_only_where_nobody_listens() {
    let server = Redis::builder().tls().password("s3cret").start();
    let files = [("tls_ca", server.tls().authority.as_path())];
    let cache = through(&url(&server, &files)).await.unwrap();
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
    let wrong = url(&server, &files).replace("s3cret", "wr0ng");
    let why = why(&wrong).await;
    assert!(!why.contains("wr0ng") && !why.contains("s3cret"), "{why}");
}
