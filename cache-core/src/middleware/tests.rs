//! Every verb passes the layers, mapped on the way in and back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::{KeyPrefix, Layered};
use crate::backend::{Backend, Fill, Form, Increment, IntoBackend, Peek, SetOptions, Step, Transition};
use crate::cache::Cache;
use crate::clock::{BoxFuture, Clock, SystemClock, Time};
use crate::entry::{Encoded, Entry, Meta};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

/// Notes what it is asked, and answers what nobody else would.
#[derive(Default)]
struct Recording(Mutex<Vec<String>>);

impl Recording {
    #[expect(clippy::needless_pass_by_value, reason = "whatever a verb has to show")]
    fn note<'a, T: Send + 'a>(&self, what: &str, on: impl ToString, answer: T) -> BoxFuture<'a, Result<T>> {
        self.sync(what, &on);
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn sync(&self, what: &str, on: &(impl ToString + ?Sized)) {
        self.0.lock().unwrap().push(format!("{what} {}", on.to_string()));
    }
}

fn texts(keys: &[Key]) -> String {
    keys.iter().map(Key::as_str).collect::<Vec<_>>().join(",")
}

fn entry() -> Arc<Entry> {
    Entry::new(Encoded(b"v".as_slice().into()), Meta::new(Time::from_nanos(1), Time::NEVER))
}

impl Backend for Recording {
    fn name(&self) -> &'static str {
        "recording"
    }
    fn form(&self) -> Form {
        Form::Bytes
    }
    fn check(&self) -> Result<()> {
        self.sync("check", "");
        Err(Error::config("not today"))
    }
    fn attach(&self, _: &Arc<dyn Clock>) {
        self.sync("attach", "");
    }
    fn peek(&self, key: KeyRef<'_>, _: &mut dyn FnMut(&Entry)) -> Peek {
        self.sync("peek", key.as_str());
        Peek::Missing
    }
    fn near(&self) -> Option<&dyn crate::backend::Near> {
        None
    }

    fn weighs(&self) -> bool {
        self.sync("weighs", "");
        true
    }
    fn counts(&self) -> bool {
        true
    }
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        self.note("get", key, Some(entry()))
    }
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        self.note("get_many", texts(keys), vec![Some(entry()), None])
    }
    fn set<'a>(&'a self, key: &'a Key, _: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        self.note("set", key, true)
    }
    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        self.note("set_many", entries.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(","), ())
    }
    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        _: &'a Entry,
        _: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        self.note("compare_and_set", key, true)
    }
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.note("delete", key, true)
    }
    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.note("delete_many", texts(keys), 2)
    }
    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        self.note("delete_match", pattern, 3)
    }
    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.note("clear", "", ())
    }
    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        let keys = ["svc:a", "lock:svc:a", "other:a"].map(Key::from).to_vec();
        self.note("scan", pattern, keys)
    }
    fn expire<'a>(&'a self, key: &'a Key, _: Time) -> BoxFuture<'a, Result<bool>> {
        self.note("expire", key, true)
    }
    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        self.note("increment", key, step.by)
    }
    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        self.note("begin_fill", key, Some(Fill(4)))
    }
    fn end_fill(&self, key: &Key, fill: Fill) {
        self.sync("end_fill", &format_args!("{key} {}", fill.0));
    }
    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        self.note("stamp", texts(tags), tags.iter().map(|tag| Stamp::new(tag.clone(), 5)).collect())
    }
    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        self.note("generations", texts(tags), vec![Some(5)])
    }
    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        self.note("delete_tags", texts(tags), ())
    }
    fn update_now(&self, key: KeyRef<'_>, _: &mut dyn Transition) -> bool {
        self.sync("update_now", key.as_str());
        true
    }
    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        change.step(None, Time::from_nanos(6));
        self.note("update", key, ())
    }
    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        self.note("size_of", key, Some(7))
    }
    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        self.note("raw", format_args!("{command} {}", args.len()), Reply::Int(8))
    }
    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        self.note("flush_all", "", ())
    }
    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        self.note("ping", message, "pong".to_owned())
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.note("close", "", ())
    }
}

struct Counts(u32);

impl Transition for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn step(&mut self, _: Option<&[u8]>, _: Time) -> Step {
        self.0 += 1;
        Step::Keep
    }
}

#[tokio::test]
async fn every_verb_reaches_the_backend_mapped_and_its_answer_comes_back() {
    let backend = Arc::new(Recording::default());
    let chain = Layered::new(Arc::clone(&backend) as Arc<dyn Backend>, vec![Arc::new(KeyPrefix::new("svc"))]);
    let (key, keys) = (Key::from("a"), ["a", "lock:b"].map(Key::from));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);

    assert_eq!((chain.name(), chain.form(), chain.weighs()), ("recording", Form::Bytes, true));
    assert!(chain.counts() && chain.check().is_err());
    chain.attach(&clock);
    assert_eq!(chain.peek(key.as_key(), &mut |_| {}), Peek::Missing);
    assert_eq!(chain.peek(keys[1].as_key(), &mut |_| {}), Peek::Missing);
    assert!(chain.get(&key).await.unwrap().is_some());
    assert!(chain.get_many(&keys).await.unwrap()[0].is_some());
    assert!(chain.set(&key, entry(), SetOptions::default()).await.unwrap());
    chain.set_many(vec![(key.clone(), entry())]).await.unwrap();
    assert!(chain.compare_and_set(&key, &entry(), entry()).await.unwrap());
    assert!(chain.delete(&key).await.unwrap());
    assert_eq!(chain.delete_many(&keys).await.unwrap(), 2);
    assert_eq!(chain.delete_match(&"a*".into()).await.unwrap(), 3);
    assert_eq!(chain.scan(&"*".into()).await.unwrap(), ["a"]);
    assert_eq!(chain.scan(&"lock:*".into()).await.unwrap(), ["lock:a"]);
    assert!(chain.expire(&key, Time::NEVER).await.unwrap());
    assert_eq!(chain.increment(&key, Increment::new(9, None)).await.unwrap(), 9);
    assert_eq!(chain.begin_fill(&key).await.unwrap(), Some(Fill(4)));
    chain.end_fill(&key, Fill(4));
    let stamps = chain.stamp(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(
        (stamps[0].tag().as_str(), stamps[0].nonce()),
        ("svc:a", 5),
        "an entry knows its tags as the backend does"
    );
    assert_eq!(chain.generations(std::slice::from_ref(&key)).await.unwrap(), [Some(5)]);
    chain.delete_tags(std::slice::from_ref(&key)).await.unwrap();
    let mut counts = Counts(0);
    assert!(!chain.update_now(keys[1].as_key(), &mut counts), "a layer was passed by");
    chain.update(&keys[1], &mut counts).await.unwrap();
    assert_eq!(counts.0, 1);
    assert_eq!(chain.size_of(&key).await.unwrap(), Some(7));
    assert_eq!(chain.raw("GET", &[b"a"]).await.unwrap(), Reply::Int(8));
    chain.flush_all().await.unwrap();
    assert_eq!(chain.ping("hi").await.unwrap(), "pong");
    chain.close().await.unwrap();
    chain.clear().await.unwrap();

    let noted = backend.0.lock().unwrap().clone();
    let (verbs, clearing) = noted.split_at(29);
    assert_eq!(
        verbs,
        [
            "weighs ",
            "check ",
            "attach ",
            "peek svc:a",
            "peek lock:svc:b",
            "get svc:a",
            "get_many svc:a,lock:svc:b",
            "set svc:a",
            "set_many svc:a",
            "compare_and_set svc:a",
            "delete svc:a",
            "delete_many svc:a,lock:svc:b",
            "delete_match svc:a*",
            "scan svc:*",
            "scan lock:svc:*",
            "expire svc:a",
            "increment svc:a",
            "begin_fill svc:a",
            "end_fill svc:a 4",
            "stamp svc:a",
            "generations a",
            "delete_tags svc:a",
            "update lock:svc:b",
            "size_of svc:a",
            "raw GET 1",
            "flush_all ",
            "ping hi",
            "close ",
            "delete_match svc:*",
        ]
    );
    assert!(clearing.iter().all(|call| call.starts_with("delete_match ") && call.ends_with("svc:*")));
    assert_eq!(clearing.last().map(String::as_str), Some("delete_match lock:svc:*"));
}

/// The methods between two lines of a source.
fn methods(source: &str, from: &str) -> BTreeSet<String> {
    let body = source.split_once(from).map_or("", |(_, rest)| rest);
    let body = body.split_once("\n}\n").map_or(body, |(body, _)| body);
    body.lines()
        .filter_map(|line| line.strip_prefix("    fn "))
        .filter_map(|rest| rest.split(['<', '(']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_verb_is_left_to_its_default() {
    let mut asked = methods(include_str!("../backend.rs"), "pub trait Backend");
    // The envelope alone asks for it, which is inside every chain.
    asked.remove("reseal");
    let sealed = methods(include_str!("../sealed/verbs.rs"), "impl Backend for Sealed");
    assert_eq!(asked, sealed, "a verb is not sealed");
    // So it does for these.
    asked.retain(|verb| !["moment", "suspect"].contains(&verb.as_str()));
    let layered = methods(include_str!("verbs.rs"), "impl Backend for Layered");
    let tested = methods(include_str!("tests.rs"), "impl Backend for Recording");
    assert!(asked.len() > 25, "{asked:?}");
    assert_eq!(asked, layered, "a verb is not forwarded");
    assert_eq!(asked, tested, "a verb is not tested above");
}

struct Given(Arc<dyn Backend>);

impl IntoBackend for Given {
    fn into_backend(self) -> Result<Arc<dyn Backend>> {
        Ok(self.0)
    }
}

#[tokio::test]
async fn a_route_without_middleware_has_no_chain_around_its_backend() {
    let given: Arc<dyn Backend> = Arc::new(Recording::default());
    let build = |builder: crate::CacheBuilder| builder.route("", Given(Arc::clone(&given))).build();
    let is_given = |cache: &Cache| !cache.routes()[0].is_layered();
    assert!(is_given(&build(Cache::builder()).await.unwrap()));
    assert!(is_given(&build(Cache::builder().ttl("1h").key_prefix("").version("")).await.unwrap()));
    assert!(!is_given(&build(Cache::builder().key_prefix("svc")).await.unwrap()));
}
