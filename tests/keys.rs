//! Keys: what the templates write, and that no two calls that differ share one.

mod support;

use macadamia::{EventKind, KeyPart, Scope, cached, key};
use std::collections::HashSet;
use std::fmt;
use support::Fixture;

struct User {
    uid: u64,
    name: String,
    tags: Vec<String>,
    home: Option<Address>,
}

struct Address {
    city: &'static str,
}

impl User {
    fn initials(&self) -> String {
        self.name.chars().take(2).collect()
    }
}

fn alice() -> User {
    User { uid: 7, name: "Alice B".into(), tags: vec!["a".into(), "b:c".into()], home: None }
}

#[cached(ttl = "1h", key = "user:<user.uid>:<lang:upper>")]
async fn profile(user: &User, lang: &str) -> String {
    format!("{} {lang}", user.name)
}

#[cached(ttl = "1h", key = "m:{user.initials()}:{user.tags:len}:<pair.1>:<user.name:hash(md5)>")]
async fn mixed(user: &User, pair: (u8, &str)) -> usize {
    user.tags.len() + pair.1.len()
}

#[test]
fn placeholders_are_fields_indexes_methods_and_filters() {
    assert_eq!(profile::key(&alice(), "en"), "user:7:EN");
    assert_eq!(mixed::key(&alice(), (1, "x y")), *format!("m:Al:2:x%20y:{}", md5_of("Alice B")));
}

fn md5_of(text: &str) -> String {
    let key = key!("<text:hash(md5)>");
    key.as_str().to_owned()
}

#[test]
fn the_stored_key_is_the_templates_key() {
    let (uid, lang) = (7, "en");
    assert_eq!(key!("user:<uid>:<lang:upper>"), profile::key(&alice(), "en"));
    assert_eq!(key!(profile(user.uid = 7u64, lang = "en")), profile::key(&alice(), "en"));
}

#[cached(ttl = "1h", prefix = "v2", key = "user:<id>")]
async fn prefixed(id: u64) -> u64 {
    id
}

#[cached(ttl = "1h", key = "literal:<<x>>:{{y}}:<id>")]
async fn brackets(id: u64) -> u64 {
    id
}

#[test]
fn a_prefix_goes_in_front_and_doubled_brackets_stand_for_themselves() {
    assert_eq!(prefixed::key(1), "v2:user:1");
    assert_eq!(brackets::key(1), "literal:<x>:{y}:1");
}

#[cached(ttl = "1h")]
async fn get_name(user: &str, version: u8) -> String {
    format!("{user}{version}")
}

#[cached(ttl = "1h", skip(_db))]
async fn with_skip(_db: &User, id: u64) -> u64 {
    id
}

mod inner {
    use macadamia::cached;

    #[cached(ttl = "1h")]
    pub(super) async fn get_name(user: &str, version: u8) -> String {
        format!("{user}{version}")
    }
}

#[test]
fn the_default_key_is_the_path_and_every_parameter_by_name() {
    assert_eq!(get_name::key("me", 2), "keys::get_name:user:me:version:2");
    assert_eq!(inner::get_name::key("me", 2), "keys::inner::get_name:user:me:version:2");
    assert_eq!(with_skip::key(1), "keys::with_skip:id:1");
}

struct A;
struct B;

impl A {
    #[cached(ttl = "1h", skip(self))]
    async fn get(&self, id: u8) -> &'static str {
        let _ = id;
        "a"
    }
}

impl B {
    #[cached(ttl = "1h", skip(self))]
    async fn get(&self, id: u8) -> &'static str {
        let _ = id;
        "b"
    }

    #[cached(ttl = "1h", handle = false)]
    async fn make(id: u8) -> u8 {
        id
    }
}

struct Repo<T>(T);

impl<T: fmt::Display + Send + Sync> Repo<T> {
    #[cached(ttl = "1h", skip(self))]
    async fn show<U: From<u8> + fmt::Display + Send + Sync>(&self, id: u8) -> String {
        format!("{} {} {}", self.0, U::from(id), std::any::type_name::<(T, U)>())
    }
}

#[cached(ttl = "1h")]
async fn type_name_of<T: 'static>(id: u8) -> &'static str {
    let _ = id;
    std::any::type_name::<T>()
}

#[tokio::test]
async fn default_keys_tell_impl_types_and_type_arguments_apart() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((A.get(1).await, B.get(1).await, B::make(1).await), ("a", "b", 1));
            assert_eq!((type_name_of::<u8>(1).await, type_name_of::<u16>(1).await), ("u8", "u16"));
            let (first, second) = (Repo(1u8), Repo("x"));
            let shown = [
                first.show::<u8>(1).await,
                first.show::<u64>(1).await,
                second.show::<u8>(1).await,
                second.show::<u64>(1).await,
            ];
            assert_eq!(HashSet::from(shown).len(), 4);
            assert_eq!(fixture.events.count(EventKind::Hit), 0);
            first.show::<u8>(1).await;
            type_name_of::<u16>(1).await;
            assert_eq!(fixture.events.count(EventKind::Hit), 2);
        })
        .await;
}

#[test]
fn keys_of_generic_functions_name_their_types() {
    assert_eq!(type_name_of::key::<u8>(1), "keys::type_name_of<u8>:id:1");
    assert_ne!(type_name_of::key::<u8>(1), type_name_of::key::<u16>(1));
}

#[derive(KeyPart)]
struct UserId(u64);

#[derive(KeyPart)]
struct Range {
    from: u32,
    to: Option<u32>,
    #[key_part(skip)]
    #[allow(dead_code, reason = "not written, which is the point")]
    label: &'static str,
}

#[derive(KeyPart)]
enum Filter {
    All,
    Named(String),
    Within { range: Range },
}

#[cached(ttl = "1h", key = "list:<owner>:<filter>")]
async fn list(owner: &UserId, filter: Filter) -> u64 {
    let _ = filter;
    owner.0
}

#[test]
fn derived_parts_are_readable_and_distinct() {
    let id = UserId(7);
    assert_eq!(list::key(&id, Filter::All), "list:7:All");
    assert_eq!(list::key(&id, Filter::Named("All".into())), "list:7:Named(All)");
    let range = Range { from: 1, to: None, label: "x" };
    assert_eq!(list::key(&id, Filter::Within { range }), "list:7:Within((1,~))");
}

struct Shown(&'static str);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn short(text: &str) -> &str {
    &text[..text.len().min(3)]
}

#[cached(ttl = "1h", key = "shown:<shown>:<text:crate::short>")]
async fn shown(shown: Shown, text: &str) -> usize {
    shown.0.len() + text.len()
}

#[test]
fn what_only_displays_is_written_by_display_and_filters_may_be_ones_own() {
    assert_eq!(shown::key(Shown("a:b"), "longer"), "shown:a%3Ab:lon");
}

#[cached(ttl = "1h", key = |id, lang| format!("by-code:{}:{}", id * 2, lang.len()))]
async fn by_code(id: u64, lang: &str) -> u64 {
    id + lang.len() as u64
}

#[tokio::test]
async fn a_key_may_be_built_by_code() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            by_code(4, "en").await;
            assert!(fixture.cache.exists("by-code:8:2").await.unwrap());
        })
        .await;
}

#[cached(ttl = "1h", key = "ctx:<@client_id>:<id>")]
async fn per_client(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn an_unset_context_value_bypasses_the_cache() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            per_client(1).await;
            per_client(1).await;
            assert_eq!(fixture.events.count(EventKind::Bypassed), 2);
            Scope::new().key("client_id", &9).run(per_client(1)).await;
            assert!(fixture.cache.exists("ctx:9:1").await.unwrap());
        })
        .await;
}

#[cached(ttl = "1h", key = "claims:<token:jwt(sub)>")]
async fn by_claim(token: &str) -> usize {
    token.len()
}

#[tokio::test]
async fn a_claim_is_part_of_the_key_and_a_bad_token_bypasses() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            // {"sub":"alex"}
            by_claim("e30.eyJzdWIiOiJhbGV4In0.x").await;
            assert!(fixture.cache.exists("claims:alex").await.unwrap());
            by_claim("nonsense").await;
            assert_eq!(fixture.events.count(EventKind::Bypassed), 1);
            assert_eq!(fixture.cache.keys_count().await.unwrap(), 1);
        })
        .await;
}

#[cached(ttl = "1h", key = "p:<a>:<b>:<rest>")]
async fn patterns((a, mut b): (u32, u32), rest: impl KeyPart + Copy + Send) -> u32 {
    let _ = rest;
    b += 1;
    a + b
}

#[tokio::test]
async fn pattern_and_impl_trait_parameters_are_placeholders_like_others() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((patterns((1, 2), "x").await, patterns((1, 2), "x").await), (4, 4));
            assert!(fixture.cache.exists("p:1:2:x").await.unwrap());
            assert_eq!(fixture.events.count(EventKind::Hit), 1);
        })
        .await;
}

#[cached(ttl = "1h", key = "w:<a>:<b>")]
async fn two_words(a: &str, b: &str) -> String {
    format!("{a}|{b}")
}

#[test]
fn no_two_argument_lists_share_a_key() {
    let words = ["", "a", "b", ":", "a:b", "*", "%", "%3A", "~", "None", "a b", "\n", "é", "{x}", "<", "()"];
    let mut keys = HashSet::new();
    for a in words {
        for b in words {
            assert!(keys.insert(two_words::key(a, b).as_str().to_owned()), "{a:?} {b:?}");
        }
    }
    assert!(keys.iter().all(|key| !key.contains(['*', '?', '[', ' ', '\n', '{', '<'])));
}

#[test]
fn absent_empty_and_the_word_none_are_three_things() {
    #[cached(ttl = "1h", key = "o:<value>")]
    async fn optional(value: Option<&str>) -> bool {
        value.is_some()
    }
    let keys =
        [optional::key(None), optional::key(Some("")), optional::key(Some("None")), optional::key(Some("~"))];
    let distinct: HashSet<_> = keys.iter().map(macadamia::Key::as_str).collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn nested_fields_and_home() {
    #[cached(ttl = "1h", key = "city:<address.city>")]
    async fn city(address: &Address) -> usize {
        address.city.len()
    }
    assert_eq!(city::key(&Address { city: "Graz" }), "city:Graz");
    assert!(alice().home.is_none());
}

#[cached(ttl = "1h", key = "<kind>:<id>")]
async fn led_by_a_value(kind: &str, id: u32) -> usize {
    kind.len() + id as usize
}

#[tokio::test]
async fn a_value_cannot_lead_into_a_reserved_prefix() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            led_by_a_value("user", 1).await;
            led_by_a_value("lock", 1).await;
            assert!(fixture.cache.exists("user:1").await.unwrap());
            assert!(!fixture.cache.exists("lock:1").await.unwrap());
            assert_eq!(fixture.events.count(EventKind::Bypassed), 1);
        })
        .await;
}

struct Book {
    title: &'static str,
    len: u8,
}

#[cached(ttl = "1h", key = "book:<book.title>:<book.len>:<book.title.len()>")]
async fn read_book(book: &Book) -> usize {
    book.title.len() + usize::from(book.len)
}

#[test]
fn a_field_named_like_a_method_is_a_field() {
    assert_eq!(read_book::key(&Book { title: "Nuts", len: 200 }), "book:Nuts:200:4");
}
