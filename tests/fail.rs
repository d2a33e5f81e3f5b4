//! `#[fail]`: the function always runs; when it fails, the last answer is given if it is young enough.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::middleware::{Timing, Verb};
use macadamia::testing::{Faults, ManualClock, Wire, drop_after};
use macadamia::{
    Backend, BoxFuture, Cache, Command, Entry, Error, EventKind, Expiry, Fill, Key, Memory, Outcome, Scope,
    SetOptions, Stats, detect, fail, registry,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::Fixture;
use tokio::task::yield_now;

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);
/// A nanosecond less.
const ALMOST: Duration = Duration::from_nanos(999_999_999);

#[derive(Debug, Clone, PartialEq)]
enum AppError {
    Timeout,
    Http(u16),
    Denied,
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the source says {self:?}")
    }
}

type Answer<T> = Result<T, AppError>;

/// What a function asks, and how often it did.
struct Source<T = u32> {
    answer: Mutex<Answer<T>>,
    runs: AtomicUsize,
}

impl<T: Clone> Source<T> {
    fn new(answer: Answer<T>) -> Self {
        Self { answer: Mutex::new(answer), runs: AtomicUsize::new(0) }
    }

    fn says(&self, answer: Answer<T>) {
        *self.answer.lock().unwrap() = answer;
    }

    async fn ask(&self) -> Answer<T> {
        self.runs.fetch_add(1, SeqCst);
        yield_now().await;
        self.answer.lock().unwrap().clone()
    }
}

#[fail(ttl = "10s", key = "status:<name>")]
async fn status(name: &str, source: &Source) -> Answer<u32> {
    source.ask().await
}

#[tokio::test]
async fn the_function_always_runs_and_an_error_is_answered_with_the_last_answer() {
    for fixture in Fixture::each().await {
        let source = Source::new(Err(AppError::Timeout));
        fixture
            .run(async {
                assert_eq!(status("me", &source).await, Err(AppError::Timeout), "nothing is there yet");
                for value in [1, 2, 2] {
                    source.says(Ok(value));
                    assert_eq!(status("me", &source).await, Ok(value));
                }
                source.says(Err(AppError::Denied));
                assert_eq!(status("me", &source).await, Ok(2));
                assert_eq!(status("me", &source).await, Ok(2));
                assert_eq!(status("you", &source).await, Err(AppError::Denied));
                assert_eq!(source.runs.load(SeqCst), 7);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Fallback), 2);
    }
}

#[tokio::test]
async fn an_answer_is_good_up_to_its_ttl_and_not_a_nanosecond_longer() {
    for fixture in Fixture::each().await {
        let source = Source::new(Ok(1));
        fixture
            .run(async {
                status("me", &source).await.unwrap();
                source.says(Err(AppError::Timeout));
                fixture.clock.advance(SECOND * 9 + ALMOST);
                assert_eq!(status("me", &source).await, Ok(1));
                fixture.clock.advance(NANO);
                assert_eq!(status("me", &source).await, Err(AppError::Timeout), "a fallback renews nothing");
            })
            .await;
    }
}

#[tokio::test]
async fn the_age_counts_from_the_last_success_whether_it_was_written_or_not() {
    for fixture in Fixture::each().await {
        let source = Source::new(Ok(1));
        fixture
            .run(async {
                status("me", &source).await.unwrap();
                fixture.clock.advance(ALMOST);
                status("me", &source).await.unwrap();
                source.says(Err(AppError::Timeout));
                fixture.clock.advance(SECOND * 9 + ALMOST);
                let (last, calls) = detect(status("me", &source)).await;
                assert_eq!(last, Ok(1));
                assert_eq!((calls[0].age, calls[0].expiry), (SECOND * 9 + ALMOST, Expiry::In(NANO)));
                fixture.clock.advance(NANO);
                assert_eq!(status("me", &source).await, Err(AppError::Timeout));
            })
            .await;
    }
}

/// A server of bytes that counts what is written to it.
async fn counted(clock: &ManualClock) -> Cache {
    let builder = Cache::builder().route("", Wire::new()).middleware(Timing::new());
    builder.clock(clock.clone()).build().await.unwrap()
}

fn writes(cache: &Cache) -> u64 {
    cache.middleware::<Timing>().unwrap().of(Verb::Set).count
}

#[tokio::test]
async fn an_answer_that_does_not_change_is_written_to_a_server_once_in_a_tenth_of_its_ttl() {
    let clock = ManualClock::new();
    let cache = counted(&clock).await;
    let source = Source::new(Ok(1));
    let call = async || Scope::new().cache(&cache).run(status("me", &source)).await.unwrap();
    for _ in 0..100 {
        call().await;
        clock.advance(SECOND / 100);
    }
    assert_eq!(writes(&cache), 1);
    call().await;
    assert_eq!(writes(&cache), 2, "after a second it is written again");
    for value in [2, 1, 1, 3] {
        source.says(Ok(value));
        call().await;
    }
    assert_eq!(writes(&cache), 5, "each change is written");
    source.says(Err(AppError::Timeout));
    assert_eq!(call().await, 3);
    assert_eq!(writes(&cache), 5);
}

#[fail(ttl = "100ms", key = "short")]
async fn short() -> Answer<u32> {
    Ok(1)
}

#[fail(ttl = "forever", key = "forever:<value>")]
async fn forever(value: u32) -> Answer<u32> {
    if value == 0 { Err(AppError::Timeout) } else { Ok(value) }
}

#[tokio::test]
async fn the_rest_between_writes_is_a_tenth_of_a_short_ttl_and_a_second_of_a_long_one() {
    let clock = ManualClock::new();
    let cache = counted(&clock).await;
    Scope::new()
        .cache(&cache)
        .run(async {
            short().await.unwrap();
            for (passed, written) in [(9, 1), (1, 2), (9, 2), (1, 3)] {
                clock.advance(Duration::from_millis(passed));
                short().await.unwrap();
                assert_eq!(writes(&cache), written);
            }
            let before = writes(&cache);
            forever(1).await.unwrap();
            clock.advance(ALMOST);
            forever(1).await.unwrap();
            assert_eq!(writes(&cache) - before, 1);
            clock.advance(NANO);
            forever(1).await.unwrap();
            assert_eq!(writes(&cache) - before, 2);
        })
        .await;
}

#[tokio::test]
async fn what_is_deleted_by_hand_is_written_again_at_once() {
    for fixture in [Fixture::memory().await, Fixture::wire().await] {
        let source = Source::new(Ok(1));
        let stored = async || fixture.cache.exists("fail:status:me").await.unwrap();
        fixture
            .run(async {
                for round in 0..6 {
                    status("me", &source).await.unwrap();
                    assert!(stored().await, "round {round}");
                    match round {
                        0 => assert!(fixture.cache.delete("fail:status:me").await.unwrap()),
                        1 => assert_eq!(fixture.cache.delete_match("fail:*").await.unwrap(), 1),
                        2 => assert_eq!(fixture.cache.delete_many(["fail:status:me"]).await.unwrap(), 1),
                        3 => fixture.cache.clear().await.unwrap(),
                        _ => fixture.cache.flush_all().await.unwrap(),
                    }
                    assert!(!stored().await);
                }
                // What somebody else wrote there is not taken for ours.
                assert!(fixture.cache.set("fail:status:me", &7u32).ttl("1h").await.unwrap());
                source.says(Err(AppError::Timeout));
                assert_eq!(status("me", &source).await, Ok(7));
            })
            .await;
    }
}

#[fail(ttl = "1h", key = "some:<id>", errors = AppError::Timeout | AppError::Http(500..=599))]
async fn some(id: u32, source: &Source) -> Answer<u32> {
    source.ask().await
}

#[tokio::test]
async fn only_errors_that_the_pattern_fits_are_answered_in_place_of() {
    for fixture in Fixture::each().await {
        let source = Source::new(Ok(1));
        fixture
            .run(async {
                some(1, &source).await.unwrap();
                for error in [AppError::Timeout, AppError::Http(500), AppError::Http(599)] {
                    source.says(Err(error));
                    assert_eq!(some(1, &source).await, Ok(1));
                }
                for error in [AppError::Denied, AppError::Http(404)] {
                    source.says(Err(error.clone()));
                    assert_eq!(some(1, &source).await, Err(error));
                }
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Fallback), 3);
    }
}

#[fail(ttl = "1h", key = "maybe")]
async fn maybe(source: &Source<Option<String>>) -> Answer<Option<String>> {
    source.ask().await
}

#[tokio::test]
async fn none_is_an_answer_too_and_ends_the_one_before() {
    for fixture in Fixture::each().await {
        let source = Source::new(Ok(Some("there".to_owned())));
        fixture
            .run(async {
                maybe(&source).await.unwrap();
                source.says(Err(AppError::Timeout));
                assert_eq!(maybe(&source).await, Ok(Some("there".to_owned())));
                source.says(Ok(None));
                maybe(&source).await.unwrap();
                source.says(Err(AppError::Timeout));
                assert_eq!(maybe(&source).await, Ok(None), "what is gone does not come back");
            })
            .await;
    }
}

struct User {
    uid: u32,
}

#[fail(ttl = "1h", key = "name:<user.uid>")]
async fn by_field(user: &User, trace: u32) -> Answer<u32> {
    if trace == 0 { Err(AppError::Timeout) } else { Ok(user.uid) }
}

#[fail(ttl = "1h", key = "name:<name>", prefix = "v2")]
async fn by_prefix(name: &str) -> Answer<usize> {
    Ok(name.len())
}

#[fail(ttl = "1h", skip(trace))]
async fn by_default(name: &str, words: Option<u8>, trace: u8) -> Answer<usize> {
    let _ = words;
    if trace == 0 { Err(AppError::Timeout) } else { Ok(name.len()) }
}

#[fail(ttl = "1h", key = |name| format!("made:{}", name.len()))]
async fn by_code(name: &str) -> Answer<usize> {
    if name == "bad" { Err(AppError::Timeout) } else { Ok(name.len()) }
}

#[tokio::test]
async fn answers_lie_under_the_prefix_and_the_key() {
    for fixture in Fixture::each().await {
        let keys = async || {
            let keys = fixture.cache.scan("fail:*").await.unwrap();
            let key = keys.iter().map(ToString::to_string).next();
            fixture.cache.clear().await.unwrap();
            (keys.len(), key.unwrap())
        };
        let one = |key: &str| (1, key.to_owned());
        fixture
            .run(async {
                assert_eq!(by_field(&User { uid: 7 }, 1).await, Ok(7));
                assert_eq!(by_field(&User { uid: 7 }, 0).await, Ok(7), "what the key does not name");
                assert_eq!(by_field(&User { uid: 8 }, 0).await, Err(AppError::Timeout));
                assert_eq!(keys().await, one("fail:name:7"));
                by_prefix("me").await.unwrap();
                assert_eq!(keys().await, one("fail:v2:name:me"));
                by_default("me", None, 1).await.unwrap();
                assert_eq!(by_default("me", None, 0).await, Ok(2));
                assert_eq!(by_default("me", Some(1), 0).await, Err(AppError::Timeout));
                assert_eq!(keys().await, one("fail:fail::by_default:name:me:words:~"));
                by_code("odd").await.unwrap();
                assert_eq!(by_code("bad").await, Ok(3));
                assert_eq!(keys().await, one("fail:made:3"));
            })
            .await;
    }
}

#[tokio::test]
async fn answers_go_where_a_route_names_the_prefix_else_with_their_key() {
    let [values, resorts, own] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::builder().build());
    let source = Source::new(Ok(1));
    let call = async |cache: &Cache| Scope::new().cache(cache).run(status("me", &source)).await;
    let with = Cache::builder().route("", wrap(&values)).route("status:", wrap(&own));
    call(&with.build().await.unwrap()).await.unwrap();
    assert!(values.commands() == 0 && own.commands() > 0);
    let with = Cache::builder().route("", wrap(&values)).route("fail:", wrap(&resorts));
    let cache = with.build().await.unwrap();
    call(&cache).await.unwrap();
    source.says(Err(AppError::Timeout));
    assert_eq!(call(&cache).await, Ok(1));
    assert!(values.commands() == 0 && resorts.commands() > 0);
}

#[tokio::test]
async fn a_broken_backend_leaves_the_call_the_functions_own_answer() {
    let (fixture, faults) = Fixture::remote().await;
    let source = Source::new(Ok(1));
    fixture
        .run(async {
            status("me", &source).await.unwrap();
            faults.fail(Some(Error::backend("down")));
            source.says(Ok(2));
            assert_eq!(status("me", &source).await, Ok(2));
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 1);
            source.says(Err(AppError::Denied));
            assert_eq!(status("me", &source).await, Err(AppError::Denied));
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 3);
            faults.fail(None);
            assert_eq!(status("me", &source).await, Ok(1), "what could not be kept is not there");
            faults.hang(true);
            let cache = fixture.cache.clone();
            let hung = Scope::new().cache(&cache).timeout(SECOND);
            let waiting = hung.run(status("me", &source));
            let advancing = async {
                for _ in 0..100 {
                    yield_now().await;
                    fixture.clock.advance(SECOND);
                }
            };
            assert_eq!(tokio::join!(waiting, advancing).0, Err(AppError::Denied));
            faults.hang(false);
        })
        .await;
}

#[tokio::test]
async fn a_server_that_takes_no_writes_may_be_read() {
    struct Replica;
    impl macadamia::Middleware for Replica {
        fn call<'a>(
            &'a self,
            request: macadamia::middleware::Request,
            next: macadamia::middleware::Next<'a>,
        ) -> macadamia::BoxFuture<'a, macadamia::Result<macadamia::middleware::Response>> {
            match request.verb() {
                Verb::Set | Verb::BeginFill => Box::pin(async { Err(Error::backend("READONLY")) }),
                _ => next.run(request),
            }
        }
    }
    let wire = Wire::new();
    let source = Source::new(Ok(1));
    let primary = Cache::builder().route("", wire.clone()).build().await.unwrap();
    let replica = Cache::builder().route("", wire).middleware(Replica).build().await.unwrap();
    let call = async |cache: &Cache| Scope::new().cache(cache).run(status("me", &source)).await;
    call(&primary).await.unwrap();
    source.says(Ok(2));
    assert_eq!(call(&replica).await, Ok(2));
    source.says(Err(AppError::Timeout));
    assert_eq!(call(&replica).await, Ok(1));
}

#[fail(ttl = "1h", key = "typed")]
async fn as_number(ok: bool) -> Answer<u64> {
    if ok { Ok(7) } else { Err(AppError::Timeout) }
}

#[fail(ttl = "1h", key = "typed")]
async fn as_text(ok: bool) -> Answer<String> {
    if ok { Ok("a longer text".to_owned()) } else { Err(AppError::Timeout) }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_none() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                as_text(true).await.unwrap();
                assert_eq!(as_number(false).await, Err(AppError::Timeout));
                assert_eq!(fixture.events.count(EventKind::Unreadable), 1);
                assert_eq!(as_text(false).await.as_deref(), Ok("a longer text"));
            })
            .await;
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Handle(u32);

#[fail(ttl = "1h", key = "unserializable")]
async fn unserializable(source: &Source<u32>) -> Answer<Handle> {
    source.ask().await.map(Handle)
}

#[tokio::test]
async fn a_value_without_bytes_is_kept_in_memory_only_and_an_event_says_so_once_a_call() {
    let source = Source::new(Ok(1));
    for (fixture, kept) in [(Fixture::memory().await, true), (Fixture::wire().await, false)] {
        source.says(Ok(1));
        fixture
            .run(async {
                unserializable(&source).await.unwrap();
                source.says(Err(AppError::Timeout));
                assert_eq!(unserializable(&source).await.is_ok(), kept);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::NotSerializable), if kept { 0 } else { 2 });
        assert_eq!(fixture.events.count(EventKind::BackendFailed), 0);
    }
}

/// A server that counts the rights to store that are out.
struct Rights(Wire, Arc<AtomicUsize>);

impl Backend for Rights {
    fn name(&self) -> &'static str {
        "rights"
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, macadamia::Result<Option<Arc<Entry>>>> {
        self.0.get(key)
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, macadamia::Result<bool>> {
        self.0.set(key, entry, options)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, macadamia::Result<bool>> {
        self.0.delete(key)
    }

    fn clear(&self) -> BoxFuture<'_, macadamia::Result<()>> {
        self.0.clear()
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, macadamia::Result<Option<Fill>>> {
        self.1.fetch_add(1, SeqCst);
        self.0.begin_fill(key)
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.1.fetch_sub(1, SeqCst);
        self.0.end_fill(key, fill);
    }
}

#[fail(ttl = "1h", key = "dropped:<id>")]
async fn dropped(id: usize, source: &Source) -> Answer<u32> {
    source.ask().await
}

#[tokio::test]
async fn a_call_dropped_at_any_await_leaves_nothing_behind() {
    let (out, faults) = (Arc::new(AtomicUsize::new(0)), Faults::new());
    faults.yields(1);
    let server = faults.wrap(Rights(Wire::new(), Arc::clone(&out)));
    let server = Cache::builder().route("", server).build().await.unwrap();
    for cache in [&Fixture::memory().await.cache, &Fixture::remote().await.0.cache, &server] {
        let source = Source::new(Ok(0));
        let mut most = 0;
        let all = Scope::new().cache(cache).run(async {
            for polls in 0.. {
                let mut done = true;
                for answer in [Ok(1), Err(AppError::Timeout), Ok(2), Ok(2)] {
                    source.says(answer);
                    let left = drop_after(polls, dropped(polls, &source));
                    done &= left.await.is_some();
                    assert_eq!(out.load(SeqCst), 0, "a right to store stayed behind");
                }
                // The next call works.
                assert_eq!(dropped(polls, &source).await, Ok(2));
                source.says(Err(AppError::Timeout));
                assert_eq!(dropped(polls, &source).await, Ok(2));
                most = most.max(polls);
                if done {
                    break;
                }
            }
        });
        all.await;
        assert!(most > 1, "there was no await");
        assert_eq!(cache.in_flight(), 0);
    }
}

#[fail(ttl = "1h", key = "panics")]
async fn panics(how: u8) -> Answer<u8> {
    yield_now().await;
    match how {
        0 => panic!("as asked"),
        1 => Err(AppError::Timeout),
        how => Ok(how),
    }
}

#[tokio::test]
async fn a_panic_is_no_error_and_leaves_what_was_kept() {
    for fixture in Fixture::each().await {
        let call = |how| tokio::spawn(Scope::new().cache(&fixture.cache).run(panics(how)));
        assert_eq!(call(7).await.unwrap(), Ok(7));
        assert!(call(0).await.unwrap_err().is_panic());
        assert_eq!(call(1).await.unwrap(), Ok(7));
        assert_eq!(call(8).await.unwrap(), Ok(8));
        assert_eq!(call(1).await.unwrap(), Ok(8));
    }
}

#[tokio::test]
async fn in_memory_nobody_waits() {
    #[fail(ttl = "1h", key = "at-once")]
    async fn at_once(ok: bool) -> Answer<u8> {
        if ok { Ok(1) } else { Err(AppError::Timeout) }
    }
    let fixture = Fixture::memory().await;
    for ok in [true, false] {
        assert_eq!(drop_after(1, fixture.run(at_once(ok))).await, Some(Ok(1)));
    }
}

struct Api {
    id: u32,
    ok: bool,
}

impl Api {
    fn answer(&self) -> Answer<u32> {
        if self.ok { Ok(self.id) } else { Err(AppError::Timeout) }
    }

    #[fail(ttl = "1h", key = "api:<self.id>")]
    async fn by_ref(&self) -> Answer<u32> {
        self.answer()
    }

    #[fail(ttl = "1h", skip(self))]
    async fn by_mut(&mut self) -> Answer<u32> {
        self.id += 1;
        self.answer()
    }

    #[fail(ttl = "1h", skip(ok), handle = false)]
    async fn associated(id: u32, ok: bool) -> Answer<u32> {
        if ok { Ok(id) } else { Err(AppError::Timeout) }
    }
}

trait Native {
    fn native(&self) -> impl Future<Output = Answer<u32>> + Send;
}

impl Native for Api {
    #[fail(ttl = "1h", skip(self))]
    async fn native(&self) -> Answer<u32> {
        self.answer()
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, by: &str) -> Answer<u32>;
}

#[async_trait]
impl Boxed for Api {
    #[fail(ttl = "1h", skip(self))]
    async fn boxed(&self, by: &str) -> Answer<u32> {
        let _ = by;
        self.answer()
    }
}

/// An error that is nothing but an error: not `Clone`, not `Debug`, not to be shown.
struct Bare;

#[fail(ttl = "1h", key = "generic:<value>")]
async fn generic<T>(value: &T, ok: bool) -> Result<String, Bare>
where
    T: fmt::Display + Sync,
{
    if ok { Ok(value.to_string()) } else { Err(Bare) }
}

#[fail(ttl = "1h", skip(ok))]
fn opaque(
    id: u32,
    ok: bool,
) -> impl Future<Output = Result<u32, Box<dyn std::error::Error + Send + Sync>>> + Send {
    async move { if ok { Ok(id) } else { Err("opaque".into()) } }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped<T>(T);

#[fail(ttl = "1h", skip(ok))]
async fn of_type<T: Default + Clone + Send + Sync + 'static>(ok: bool) -> Answer<Wrapped<T>> {
    if ok { Ok(Wrapped(T::default())) } else { Err(AppError::Timeout) }
}

#[fail(ttl = "1h", key = "lent:<text>")]
async fn lent(text: &str, ok: bool) -> Result<&'static str, &'static str> {
    if ok { Ok("lent") } else { Err("broken") }
}

#[tokio::test]
async fn functions_and_methods_of_every_kind_can_fail() {
    let fixture = Fixture::memory().await;
    let call = Scope::new().cache(&fixture.cache).run(async {
        let mut api = Api { id: 1, ok: true };
        for ok in [true, false] {
            api.ok = ok;
            assert_eq!(api.by_ref().await, Ok(1));
            assert_eq!(Api::associated(4, ok).await, Ok(4));
            assert_eq!(api.native().await, Ok(1));
            assert_eq!(api.boxed("x").await, Ok(1));
            assert!(generic(&1, ok).await.is_ok_and(|text| text == "1"));
            assert_eq!(opaque(1, ok).await.unwrap(), 1);
            assert_eq!(of_type::<u8>(ok).await, Ok(Wrapped(0)));
            assert_eq!(lent("x", ok).await, Ok("lent"));
        }
        assert_eq!(api.by_mut().await, Err(AppError::Timeout));
        assert_eq!(of_type::<u16>(false).await, Err(AppError::Timeout), "of another type");
        assert!(api.boxed("y").await.is_err());
        let other = Api { id: 2, ok: false };
        assert_eq!(other.by_ref().await, Err(AppError::Timeout));
    });
    // All of it can be sent between threads.
    tokio::spawn(call).await.unwrap();
}

#[fail(ttl = "1h", key = "slow:<id>")]
async fn first_of_two(id: u32, source: &Source) -> Answer<u32> {
    source.ask().await
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

#[tokio::test]
async fn every_call_is_counted_once_and_fallbacks_beside() {
    let fixture = Fixture::memory().await;
    let source = Source::new(Ok(1));
    fixture
        .run(async {
            let (_, calls) = detect(first_of_two(1, &source)).await;
            assert_eq!((calls.len(), calls[0].strategy, calls[0].outcome), (1, "fail", Outcome::Computed));
            assert_eq!(calls[0].expiry, Expiry::In(SECOND * 3600));
            source.says(Err(AppError::Http(503)));
            fixture.clock.advance(SECOND);
            let (last, calls) = detect(first_of_two(1, &source)).await;
            assert_eq!(last, Ok(1));
            let [call] = &calls[..] else { panic!("{calls:?}") };
            assert_eq!((call.strategy, call.outcome, call.backend), ("fail", Outcome::Fallback, Some("mem")));
            assert_eq!((call.key.as_str(), call.age), ("fail:slow:1", SECOND));
            assert_eq!(call.template(), Some("fail:slow:<id>"));
            let hidden = call.error.as_ref().unwrap().to_string();
            assert_eq!(hidden, "the function failed: the source says Http(503)");
            let (_, calls) = detect(first_of_two(2, &source)).await;
            assert_eq!((calls[0].outcome, calls[0].expiry), (Outcome::Computed, Expiry::Missing));
        })
        .await;
    let stats = stats("first_of_two");
    assert_eq!((stats.calls(), stats.computed, stats.fallbacks), (3, 3, 1));
    assert_eq!(fixture.events.count(EventKind::Computed), 3);
    assert_eq!(first_of_two::stats(), stats);
    let function = registry().find(|function| function.name == "first_of_two").unwrap();
    assert_eq!((function.strategies, function.ttl), (&["fail"][..], Some("1h")));
    assert_eq!(function.unkeyed, ["source"]);
}

#[fail(ttl = "1h", key = "client:<@client>", when = !admin)]
async fn by_context(admin: bool, ok: bool) -> Answer<bool> {
    if ok { Ok(admin) } else { Err(AppError::Timeout) }
}

#[tokio::test]
async fn without_a_key_or_where_it_is_switched_off_the_function_is_alone() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let client = |name| Scope::new().key("client", name);
            by_context(false, true).await.unwrap();
            assert!(by_context(false, false).await.is_err(), "no key");
            client("a").run(by_context(true, true)).await.unwrap();
            assert!(client("a").run(by_context(false, false)).await.is_err(), "`when` said no");
            client("a").disable(Command::Set).run(by_context(false, true)).await.unwrap();
            assert!(client("a").run(by_context(false, false)).await.is_err(), "nothing is stored");
            client("a").run(by_context(false, true)).await.unwrap();
            assert!(client("a").disable(Command::Get).run(by_context(false, false)).await.is_err());
            assert!(client("a").run(by_context(true, false)).await.is_err(), "`when` said no");
            assert!(client("a").run(by_context(false, false)).await.is_ok());
        })
        .await;
    let stats = stats("by_context");
    assert_eq!((stats.bypassed, stats.computed, stats.fallbacks), (4, 6, 1));
    assert_eq!(fixture.events.count(EventKind::Bypassed), 4);
}

#[tokio::test]
async fn a_key_that_no_route_takes_leaves_the_function_alone() {
    let events = support::Events::default();
    let cache = Cache::builder().route("elsewhere:", Memory::builder().build()).observer(events.clone());
    let cache = cache.build().await.unwrap();
    let source = Source::new(Ok(1));
    Scope::new()
        .cache(&cache)
        .run(async {
            status("me", &source).await.unwrap();
            source.says(Err(AppError::Timeout));
            assert!(status("me", &source).await.is_err());
        })
        .await;
    assert_eq!(events.count(EventKind::Bypassed), 2);
}

#[fail(ttl = ttl, key = "by-expression")]
async fn by_expression(ttl: Duration, ok: bool) -> Answer<()> {
    if ok { Ok(()) } else { Err(AppError::Timeout) }
}

#[tokio::test]
async fn the_ttl_may_be_computed_and_one_of_zero_keeps_nothing() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                by_expression(Duration::ZERO, true).await.unwrap();
                assert!(by_expression(SECOND, false).await.is_err());
                by_expression(SECOND, true).await.unwrap();
                fixture.clock.advance(ALMOST);
                assert!(by_expression(NANO, false).await.is_ok(), "it was kept for a second");
                fixture.clock.advance(NANO);
                assert!(by_expression(SECOND * 9, false).await.is_err());
            })
            .await;
    }
}
