//! `secret` and `digestmod`: what entries are signed with.

use macadamia::testing::Wire;
use macadamia::{Cache, CacheBuilder, EventKind, Route};

use super::said::wire;
use super::{built, config, telling};

const NEW: &str = "a new secret of some length";
const OLD: &str = "an old secret of some length";

/// Whether an entry of one configuration is an entry to another, and not for want of being told if it is none.
async fn reads(writer: CacheBuilder, reader: CacheBuilder) -> bool {
    let writer = built(writer).await;
    let (reader, told) = telling(reader).await;
    writer.set("k", "value").await.unwrap();
    let found = reader.get::<String>("k").await.unwrap();
    assert_eq!(told.of(EventKind::Unreadable).len(), usize::from(found.is_none()));
    found.is_some()
}

#[tokio::test]
async fn the_first_secret_signs_and_each_of_them_verifies() {
    let server = wire("secrets");
    let by = |secrets: &[&str]| {
        let route = secrets.iter().fold(Route::to(server.clone()), Route::secret);
        Cache::builder().route("", route)
    };
    for (writer, reader, is_read) in [
        (&[OLD][..], &[OLD][..], true),
        (&[OLD], &[NEW], false),
        (&[OLD], &[], false),
        (&[], &[OLD], false),
        (&[OLD], &[NEW, OLD], true),
        (&[NEW, OLD], &[NEW], true),
        (&[NEW, OLD], &[OLD], false),
        (&[OLD, NEW], &[OLD], true),
    ] {
        assert_eq!(reads(by(writer), by(reader)).await, is_read, "{writer:?} read by {reader:?}");
    }
}

#[tokio::test]
async fn a_secret_is_said_by_the_url_the_setter_the_builder_or_data() {
    let server = wire("said-secrets");
    let url = |options: &str| format!("codecs://said-secrets?{options}");
    let (new, old) = (NEW.replace(' ', "%20"), OLD.replace(' ', "%20"));
    let only_new = || Cache::builder().route("", Route::to(server.clone()).secret(NEW));
    for by_new in [
        Cache::builder().route("", url(&format!("secret={new}"))),
        Cache::builder().route("", url(&format!("hash_key={new}"))),
        Cache::builder().route("", url(&format!("secret={new}&secret={old}"))),
        Cache::builder().secret(NEW).route("", server.clone()),
        Cache::builder().secret(NEW).secret(OLD).route("", server.clone()),
        // The nearest to the hand wins, whole.
        Cache::builder().secret(OLD).route("", url(&format!("secret={new}"))),
        Cache::builder().route("", Route::to(url(&format!("secret={old}"))).secret(NEW)),
    ] {
        assert!(reads(by_new, only_new()).await);
    }
    let whole = || Route::to(url(&format!("secret={old}"))).secret(NEW);
    let by_old = Cache::builder().route("", Route::to(server.clone()).secret(OLD));
    assert!(!reads(by_old, Cache::builder().route("", whole())).await, "the URL's verifies no more");
}

#[tokio::test]
async fn data_says_one_secret_or_a_list_of_which_the_first_signs() {
    let server = wire("data-secrets");
    for (alias, field) in [
        ("one", format!("secret = '{NEW}'")),
        ("list", format!("secret = ['{NEW}', '{OLD}']")),
        ("keys", format!("hash_key = ['{NEW}', '{OLD}']")),
        ("over", format!("url = 'codecs://data-secrets?secret=another%20secret', secret = ['{NEW}']")),
    ] {
        let url = if alias == "over" { "" } else { "url = 'codecs://data-secrets', " };
        Cache::configure(format!("secret-{alias} = {{ {url}{field} }}")).unwrap();
        let cache = Cache::create(&format!("secret-{alias}")).unwrap();
        cache.set("k", "value").await.unwrap();
        let only_new = built(Cache::builder().route("", Route::to(server.clone()).secret(NEW))).await;
        assert_eq!(only_new.get::<String>("k").await.unwrap().as_deref(), Some("value"), "{alias}");
        let only_old = built(Cache::builder().route("", Route::to(server.clone()).secret(OLD))).await;
        only_old.set("k", "old").await.unwrap();
        let read = cache.get::<String>("k").await.unwrap();
        assert_eq!(read.is_some(), ["list", "keys"].contains(&alias), "{alias}");
    }
}

#[test]
fn what_data_says_of_secrets_is_checked_and_not_shown() {
    for (field, expected) in [
        ("secret = []", "`secret` is an empty list: leave it out, or name one"),
        ("secret = ['hunter2hunter2', 7]", "`secret` holds a number: expected a list of texts"),
        ("secret = { a = 'hunter2hunter2' }", "`secret` is a table: expected text or a list of texts"),
        ("ttl = ['1h']", "`ttl` is a list: expected text, a number or a switch"),
        (
            "secret = 'hunter2hunter2', hash_key = 'hunter2hunter2'",
            "`secret` and `hash_key` are one option: give one of them",
        ),
    ] {
        let message = Cache::configure(format!("x = {{ url = 'mem://', {field} }}")).unwrap_err().to_string();
        assert_eq!(message, format!("cache \"x\": {expected}"));
    }
    let short = Cache::configure("x = { url = 'mem://', secret = ['hunter2hunter2', 'hunt2'] }");
    let message = short.unwrap_err().to_string();
    assert!(message.contains("5 bytes can be guessed") && !message.contains("hunt"), "{message}");
}

#[tokio::test]
async fn a_short_secret_is_refused_with_what_to_do() {
    for builder in [
        Cache::builder().route("", "mem://?secret=hunt2"),
        Cache::builder().route("", Route::to("mem://").secret("hunt2")),
        Cache::builder().route("", Route::to("mem://").secret(NEW).secret("hunt2")),
        Cache::builder().secret("hunt2").route("", "mem://"),
    ] {
        let message = config(builder.build().await);
        assert!(message.contains("a secret of 5 bytes can be guessed"), "{message}");
        assert!(message.contains("openssl rand -hex 32"), "{message}");
        assert!(!message.contains("hunt2"), "{message}");
    }
}

#[tokio::test]
async fn the_digest_is_said_by_the_url_the_setter_the_builder_or_data_and_never_by_the_entry() {
    let server = wire("digests");
    let url = |digest: &str| format!("codecs://digests?secret=some%20secret%20text&digestmod={digest}");
    Cache::configure(format!("digests.url = '{}'\ndigests.digestmod = 'sha1'", url("sha256"))).unwrap();
    let setter = |digest: &str| Route::to(server.clone()).secret("some secret text").digestmod(digest);
    let by_sha1 = || Cache::builder().route("", setter("sha1"));
    for writer in [
        Cache::builder().route("", url("SHA1")),
        Cache::builder().route("", Route::to(url("sha256")).digestmod("sha1")),
        Cache::builder().digestmod("sha1").secret("some secret text").route("", server.clone()),
    ] {
        assert!(reads(writer, by_sha1()).await);
    }
    Cache::create("digests").unwrap().set("k", "value").await.unwrap();
    assert!(built(by_sha1()).await.get::<String>("k").await.unwrap().is_some());
    let by_default = || Cache::builder().route("", Route::to(server.clone()).secret("some secret text"));
    assert!(reads(by_default(), Cache::builder().route("", setter("sha256"))).await);
    assert!(!reads(by_default(), by_sha1()).await && !reads(by_sha1(), by_default()).await);
}

#[tokio::test]
async fn a_digest_without_a_secret_or_of_an_unknown_name_is_refused() {
    for builder in [
        Cache::builder().route("", "codecs://no-secret?digestmod=sha256"),
        Cache::builder().route("", Route::to(Wire::new()).digestmod("sha1")),
    ] {
        let message = config(builder.build().await);
        assert!(message.contains("`digestmod` says how entries are signed"), "{message}");
    }
    let message = config(Cache::builder().secret(NEW).digestmod("md5").route("", Wire::new()).build().await);
    assert!(message.contains("`md5`") && message.contains("sha256"), "{message}");
    let beside = Cache::builder()
        .digestmod("sha1")
        .route("local:", "mem://")
        .route("", Route::to(Wire::new()).secret(NEW));
    beside.build().await.expect("memory seals nothing");
}

#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    let url = "codecs://shown?secret=hunter2hunter2&codec=json";
    let builder = || {
        Cache::builder()
            .secret("hunter2hunter2")
            .route("", url)
            .route("a:", Route::to(url).secret("hunter2hunter2"))
    };
    let route = Route::to(url).secret("hunter2hunter2").digestmod("sha1");
    let mut printed = vec![format!("{:?}", builder()), format!("{route:?}"), format!("{:#?}", builder())];
    let cache = built(builder()).await;
    printed.push(format!("{cache:?} {cache:#?}"));
    let wrong =
        Cache::builder().route("", "codecs://shown?secret=hunter2hunter2&digestmod=md5").build().await;
    printed.push(config(wrong));
    for text in printed {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
