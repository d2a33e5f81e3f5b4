//! Layers in every order, on every shape of function: with `#[traced]`, which exists in tests only, writes
//! down where the call comes by, and has nothing to do with caching.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::testing::drop_after;
use macadamia::{Cache, Event, EventKind, Memory, Scope};
use macadamia_test_layers::traced as watched;
use macadamia_test_layers::{cached, invalidate, traced};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tracing::span::{Attributes, Id, Record};

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// How many spans the thread is in.
    static ENTERED: Cell<usize> = const { Cell::new(0) };
}

fn note(what: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(what.into()));
}

/// What has been noted since the last time.
fn noted() -> String {
    LOG.with_borrow_mut(std::mem::take).join(" ")
}

async fn logged<T>(call: impl Future<Output = T>) -> String {
    drop(noted());
    call.await;
    noted()
}

/// A condition that holds, and tells when it is asked.
fn at(layer: &str) -> bool {
    note(format!("<{layer}"));
    true
}

/// Inside of a span it says so.
fn body() -> usize {
    note(if ENTERED.get() > 0 { "(body)" } else { "body" });
    0
}

/// Where `#[traced]` writes to.
struct Log;

const fn log() -> Log {
    Log
}

struct Token(&'static str, bool);

impl Log {
    #[expect(clippy::unused_self, reason = "a recorder in general has a self")]
    fn enter(self, name: &'static str) -> Token {
        note(format!("<{name}"));
        Token(name, false)
    }
}

impl Token {
    fn leave(mut self) {
        note(format!("{}>", self.0));
        self.1 = true;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.1 {
            note(format!("~{}", self.0));
        }
    }
}

/// Runs it with a cache that writes down what becomes of calls.
async fn with_cache<T>(body: impl Future<Output = T>) -> T {
    Scope::new().cache(&cache(|memory| memory).await).run(body).await
}

async fn cache<R: macadamia::IntoRoute>(wrap: impl FnOnce(Memory) -> R) -> Cache {
    let observer = |event: &Event<'_>| match event.kind {
        EventKind::Hit => note("hit>"),
        EventKind::Stored => note("cached>"),
        EventKind::Invalidated => note("invalidate>"),
        _ => {}
    };
    Cache::builder().route("", wrap(Memory::builder().build())).observer(observer).build().await.unwrap()
}

/// Puts the attributes of these names, top to bottom, on functions of every shape.
macro_rules! stacked {
    ($module:ident: [] $($attrs:tt)*) => { shapes!($module: $($attrs)*); };
    ($module:ident: [cached $($rest:ident)*] $($attrs:tt)*) => {
        stacked!($module: [$($rest)*] $($attrs)* #[cached(ttl = "1h", key = "n:<n>", when = at("cached"))]);
    };
    ($module:ident: [invalidate $($rest:ident)*] $($attrs:tt)*) => {
        stacked!($module: [$($rest)*] $($attrs)* #[invalidate("target:<n>", when = at("invalidate"))]);
    };
    ($module:ident: [traced $($rest:ident)*] $($attrs:tt)*) => {
        stacked!($module: [$($rest)*] $($attrs)* #[traced(name = "traced", into = log())]);
    };
    ($module:ident: [foreign $($rest:ident)*] $($attrs:tt)*) => {
        stacked!($module: [$($rest)*] $($attrs)*
            #[allow(clippy::needless_pass_by_ref_mut, reason = "a stranger")]
            #[doc = "A stranger."]
            #[cfg_attr(all(), allow(clippy::unused_async, reason = "another"))]
            #[cfg_attr(any(), does_not_exist)]
        );
    };
}

/// Functions of every shape; `all` calls each twice and tells what was noted.
macro_rules! shapes {
    ($module:ident: $($attrs:tt)*) => {
        mod $module {
            use super::*;

            struct Repo;

            $($attrs)*
            #[must_use = "a stranger"]
            async fn free(n: u32) -> usize {
                let _ = n;
                body()
            }

            $($attrs)*
            fn opaque(n: u32) -> impl Future<Output = usize> + Send {
                async move { body() + n as usize }
            }

            impl Repo {
                $($attrs)*
                async fn by_ref(&self, n: u32) -> usize {
                    body() + n as usize
                }

                $($attrs)*
                async fn by_mut(&mut self, n: u32) -> usize {
                    body() + n as usize
                }

                $($attrs)*
                async fn by_arc(self: Arc<Self>, n: u32) -> usize {
                    body() + n as usize
                }
            }

            trait Native {
                fn native(&self, n: u32) -> impl Future<Output = usize> + Send;
            }

            impl Native for Repo {
                $($attrs)*
                async fn native(&self, n: u32) -> usize {
                    body() + n as usize
                }
            }

            #[async_trait]
            trait Boxed {
                async fn boxed(&self, n: u32) -> usize;
            }

            #[async_trait]
            impl Boxed for Repo {
                $($attrs)*
                async fn boxed(&self, n: u32) -> usize {
                    body() + n as usize
                }
            }

            pub(super) async fn all() -> Vec<[String; 2]> {
                let twice = async |call: &dyn Fn() -> macadamia::BoxFuture<'static, usize>| {
                    [logged(call()).await, logged(call()).await]
                };
                vec![
                    twice(&|| Box::pin(free(1))).await,
                    twice(&|| Box::pin(opaque(2))).await,
                    twice(&|| Box::pin(async { Repo.by_ref(3).await })).await,
                    twice(&|| Box::pin(async { Repo.by_mut(4).await })).await,
                    twice(&|| Box::pin(Arc::new(Repo).by_arc(5))).await,
                    twice(&|| Box::pin(async { Repo.native(6).await })).await,
                    twice(&|| Box::pin(async { Repo.boxed(7).await })).await,
                ]
            }
        }
    };
}

stacked!(cit: [foreign cached foreign invalidate foreign traced foreign]);
stacked!(cti: [foreign cached foreign traced foreign invalidate foreign]);
stacked!(ict: [foreign invalidate foreign cached foreign traced foreign]);
stacked!(itc: [foreign invalidate foreign traced foreign cached foreign]);
stacked!(tci: [foreign traced foreign cached foreign invalidate foreign]);
stacked!(tic: [foreign traced foreign invalidate foreign cached foreign]);

#[tokio::test]
async fn the_top_attribute_is_outermost_in_every_order_on_every_shape() {
    let orders = [
        (
            with_cache(cit::all()).await,
            "<cached <invalidate <traced body traced> invalidate> cached>",
            "<cached hit>",
        ),
        (
            with_cache(cti::all()).await,
            "<cached <traced <invalidate body invalidate> traced> cached>",
            "<cached hit>",
        ),
        (
            with_cache(ict::all()).await,
            "<invalidate <cached <traced body traced> cached> invalidate>",
            "<invalidate <cached hit> invalidate>",
        ),
        (
            with_cache(itc::all()).await,
            "<invalidate <traced <cached body cached> traced> invalidate>",
            "<invalidate <traced <cached hit> traced> invalidate>",
        ),
        (
            with_cache(tci::all()).await,
            "<traced <cached <invalidate body invalidate> cached> traced>",
            "<traced <cached hit> traced>",
        ),
        (
            with_cache(tic::all()).await,
            "<traced <invalidate <cached body cached> invalidate> traced>",
            "<traced <invalidate <cached hit> invalidate> traced>",
        ),
    ];
    for (shapes, miss, hit) in orders {
        // A hit of `cached` runs nothing inside of it, and all that is outside.
        shapes.into_iter().for_each(|found| assert_eq!(found, [miss, hit]));
    }
}

/// Notes every span that is opened.
struct Spans(AtomicU64);

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        note("span");
        Id::from_u64(self.0.fetch_add(1, SeqCst) + 1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &Id) {
        ENTERED.set(ENTERED.get() + 1);
    }
    fn exit(&self, _: &Id) {
        ENTERED.set(ENTERED.get() - 1);
    }
}

#[tracing::instrument(skip_all)]
#[cached(ttl = "1h", key = "above:<n>", when = at("cached"))]
#[traced(name = "traced", into = log())]
#[invalidate("target", when = at("invalidate"))]
async fn instrumented_above(n: u32) -> usize {
    body() + n as usize
}

#[cached(ttl = "1h", key = "between:<n>", when = at("cached"))]
#[tracing::instrument(skip_all)]
#[traced(name = "traced", into = log())]
#[invalidate("target", when = at("invalidate"))]
async fn instrumented_between(n: u32) -> usize {
    body() + n as usize
}

#[traced(name = "traced", into = log())]
#[invalidate("target", when = at("invalidate"))]
#[cached(ttl = "1h", key = "below:<n>", when = at("cached"))]
#[tracing::instrument(skip_all)]
async fn instrumented_below(n: u32) -> usize {
    body() + n as usize
}

#[async_trait]
trait Instrumented {
    async fn above(&self);
    async fn below(&self);
}

#[async_trait]
impl Instrumented for Log {
    #[tracing::instrument(skip_all)]
    #[traced(name = "a", into = log())]
    #[traced(name = "b", into = log())]
    async fn above(&self) {
        body();
    }

    #[traced(name = "a", into = log())]
    #[tracing::instrument(skip_all)]
    #[traced(name = "b", into = log())]
    async fn below(&self) {
        body();
    }
}

#[tokio::test]
async fn a_stranger_that_wraps_the_body_is_inside_of_all_from_above_and_around_all_from_below() {
    let _guard = tracing::subscriber::set_default(Spans(AtomicU64::new(0)));
    with_cache(async {
        assert_eq!(logged(Log.above()).await, "<a <b span (body) b> a>");
        assert_eq!(logged(Log.below()).await, "span <a <b (body) b> a>");
        assert_eq!(
            logged(instrumented_above(1)).await,
            "<cached <traced <invalidate span (body) invalidate> traced> cached>"
        );
        assert_eq!(logged(instrumented_above(1)).await, "<cached hit>");
        assert_eq!(
            logged(instrumented_between(1)).await,
            "span <cached <traced <invalidate (body) invalidate> traced> cached>"
        );
        assert_eq!(logged(instrumented_between(1)).await, "span <cached hit>");
        assert_eq!(
            logged(instrumented_below(1)).await,
            "span <traced <invalidate <cached (body) cached> invalidate> traced>"
        );
        assert_eq!(
            logged(instrumented_below(1)).await,
            "span <traced <invalidate <cached hit> invalidate> traced>"
        );
    })
    .await;
}

#[traced(name = "a", into = log())]
#[traced(name = "b", into = log())]
#[cached(ttl = "1h", key = "several", when = at("cached"))]
#[traced(name = "c", into = log(), when = false)]
#[traced(name = "d", into = log())]
async fn several() -> usize {
    body()
}

#[watched(name = "a", into = log())]
#[macadamia_test_layers::cached(ttl = "1h", key = "qualified", when = at("cached"))]
#[::macadamia_test_layers::traced(name = "b", into = log())]
async fn qualified() -> usize {
    body()
}

#[cfg_attr(all(), traced(name = "a", into = log()))]
#[cfg_attr(any(), traced(name = "b", into = log()))]
#[traced(name = "c", into = log())]
#[cfg_attr(all(), cached(ttl = "1h", key = "conditional", when = at("cached")), inline)]
#[cfg_attr(any(), does_not_exist)]
#[traced(name = "d", into = log())]
async fn conditional() -> usize {
    body()
}

mod facade {
    pub(crate) use macadamia::__private;
    pub(crate) use macadamia_test_layers::{cached, traced};
}

#[facade::traced(name = "a", into = log(), crate = facade)]
#[facade::cached(ttl = "1h", key = "facade", when = at("cached"), crate = facade)]
#[traced(name = "b", into = log())]
async fn through_a_facade() -> usize {
    body()
}

#[traced(name = "alone", into = log())]
async fn alone() -> Result<usize, std::num::ParseIntError> {
    "x".parse::<u8>()?;
    Ok(body())
}

#[tokio::test]
async fn an_attribute_may_stand_there_again_alone_by_its_path_and_on_top_by_another_name() {
    with_cache(async {
        assert_eq!(logged(several()).await, "<a <b <cached <d body d> cached> b> a>");
        assert_eq!(logged(several()).await, "<a <b <cached hit> b> a>");
        assert_eq!(logged(qualified()).await, "<a <cached <b body b> cached> a>");
        assert_eq!(logged(qualified()).await, "<a <cached hit> a>");
        assert_eq!(logged(conditional()).await, "<a <c <cached <d body d> cached> c> a>");
        assert_eq!(logged(through_a_facade()).await, "<a <cached <b body b> cached> a>");
        assert_eq!(logged(alone()).await, "<alone alone>");
    })
    .await;
    let strategies =
        |name| macadamia::registry().find(|found| found.name == name).map(|found| found.strategies);
    assert_eq!(strategies("several"), Some(&["traced", "traced", "cached", "traced", "traced"][..]));
    assert_eq!(strategies("qualified"), Some(&["traced", "cached", "traced"][..]));
}

#[traced(name = "outer", into = log())]
#[cached(ttl = "1h", key = "refusing:<n>", when = at("cached"))]
#[traced(name = "inner", into = log(), refuse = n.checked_sub(10))]
async fn refused_inside(n: usize) -> usize {
    body() + n
}

#[traced(name = "outer", into = log(), refuse = n.checked_sub(10))]
#[cached(ttl = "1h", key = "refused:<n>", when = at("cached"))]
async fn refused_outside(n: usize) -> usize {
    body() + n
}

#[tokio::test]
async fn a_layer_that_refuses_answers_the_layers_outside_and_runs_none_inside() {
    with_cache(async {
        assert_eq!(refused_inside(1).await, 1);
        assert_eq!(refused_inside(12).await, 2);
        assert_eq!(
            logged(refused_inside(13)).await,
            "<outer <cached <inner ~inner cached> outer>",
            "to the layer outside it is an answer as any"
        );
        assert_eq!(logged(refused_inside(13)).await, "<outer <cached hit> outer>");
        assert_eq!(logged(refused_outside(13)).await, "<outer ~outer");
        assert_eq!(refused_outside(13).await, 3);
    })
    .await;
}

#[traced(name = "outer", into = log())]
#[cached(ttl = "1h", key = "waiting:<n>")]
#[traced(name = "inner", into = log())]
#[invalidate("target:<n>")]
async fn waiting(n: usize) -> usize {
    tokio::task::yield_now().await;
    note("body");
    tokio::task::yield_now().await;
    n
}

#[tokio::test]
async fn a_call_dropped_at_any_await_leaves_no_layer_but_drops_what_they_held() {
    let faults = macadamia::testing::Faults::new();
    faults.yields(1);
    let cache = cache(|memory| faults.wrap(memory)).await;
    Scope::new()
        .cache(&cache)
        .run(async {
            let mut last = Vec::new();
            for polls in 0.. {
                drop(noted());
                let done = drop_after(polls, waiting(polls)).await.is_some();
                let log = noted();
                let has = |what: &str| log.split(' ').any(|word| word == what);
                assert_eq!(has("outer>"), done, "{polls}: {log}");
                for layer in ["outer", "inner"] {
                    let left = has(&format!("{layer}>")) || has(&format!("~{layer}"));
                    assert_eq!(has(&format!("<{layer}")), left, "{polls}: {log}");
                }
                last.push(log);
                if done {
                    break;
                }
                assert_eq!(waiting(polls).await, polls, "nobody is in the way of the next call");
            }
            assert!(last.len() > 6, "the call waits more often than {}", last.len());
            for cut in ["<outer ~outer", "<outer <inner ~inner ~outer", "<outer <inner body ~inner ~outer"] {
                assert!(last.iter().any(|log| log == cut), "{cut} is not among {last:?}");
            }
            assert_eq!(last.pop().unwrap(), "<outer <inner body invalidate> inner> cached> outer>");
        })
        .await;
}

#[traced(name = "outer", into = log())]
#[cached(ttl = "1h", key = "panicking:<panics>")]
#[traced(name = "inner", into = log())]
async fn panicking(panics: bool) -> usize {
    assert!(!panics, "it was asked to");
    body()
}

#[tokio::test]
async fn a_panic_leaves_no_layer_but_drops_what_they_held() {
    let cache = cache(|memory| memory).await;
    let call = |panics| tokio::spawn(Scope::new().cache(&cache).run(panicking(panics)));
    drop(noted());
    for _ in 0..2 {
        assert!(call(true).await.unwrap_err().is_panic());
        assert_eq!(noted(), "<outer <inner ~inner ~outer");
    }
    assert_eq!(call(false).await.unwrap(), 0);
    assert_eq!(noted(), "<outer <inner body inner> cached> outer>");
}

#[traced(name = "test", into = log())]
#[cached(ttl = "1h", key = "test", when = at("cached"))]
#[tokio::test]
async fn a_test_may_be_annotated_itself() {
    assert_eq!(noted(), "<test <cached");
}

#[tokio::test]
async fn layered_calls_can_be_spawned() {
    let cache = cache(|memory| memory).await;
    let call = Scope::new().cache(&cache).run(waiting(1));
    assert_eq!(tokio::spawn(call).await.unwrap(), 1);
}
