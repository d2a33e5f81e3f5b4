//! Every attribute around every other, on a free function, a method and an `#[async_trait]` method: each pair goes
//! through random histories beside a naive model of it, made of models of the two.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

#[path = "support/model.rs"]
mod model;
mod support;

use async_trait::async_trait;
use macadamia::testing::ManualClock;
use macadamia::{
    BoxFuture, Cache, Error, Memory, Scope, cached, circuit_breaker, early, fail, hit, invalidate, locked,
    perf, rate_limit, registry, soft,
};
use model::{Failed, Stack, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use support::settle;

#[derive(Debug, Clone, PartialEq, Eq)]
enum AppError {
    Down,
    Refused,
}

impl From<Error> for AppError {
    fn from(_: Error) -> Self {
        Self::Refused
    }
}

type Answer = Result<u32, AppError>;

/// What the functions do: answer with the number of the run, unless it is down.
#[derive(Debug, Clone, Default)]
struct Service(Arc<(AtomicU32, AtomicBool)>);

impl Service {
    async fn run(&self) -> Answer {
        let run = self.0.0.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        if self.0.1.load(SeqCst) { Err(AppError::Down) } else { Ok(run) }
    }
}

/// Two attributes, on the three kinds of function.
struct Pair {
    outer: &'static str,
    inner: &'static str,
    module: &'static str,
    calls: [(&'static str, Call); 3],
}

type Call = fn(Service) -> BoxFuture<'static, Answer>;

macro_rules! pair {
    ($outer:ident [$($outer_args:tt)*] $inner:ident [$($inner_args:tt)*]) => {
        pub(crate) mod $inner {
            use super::*;

            #[$outer($($outer_args)*)]
            #[$inner($($inner_args)*)]
            async fn free(service: Service) -> Answer {
                service.run().await
            }

            #[derive(Clone)]
            struct Owner(Service);

            impl Owner {
                #[$outer($($outer_args)*)]
                #[$inner($($inner_args)*)]
                async fn method(&self) -> Answer {
                    self.0.run().await
                }
            }

            #[async_trait]
            trait Does {
                async fn boxed(&self, service: &Service) -> Answer;
            }

            #[async_trait]
            impl Does for Owner {
                #[$outer($($outer_args)*)]
                #[$inner($($inner_args)*)]
                async fn boxed(&self, service: &Service) -> Answer {
                    let Self(_) = self;
                    service.run().await
                }
            }

            pub(crate) const PAIR: Pair = Pair {
                outer: stringify!($outer),
                inner: stringify!($inner),
                module: module_path!(),
                calls: [
                    ("free", |service| Box::pin(free(service))),
                    ("method", |service| Box::pin(async move { Owner(service).method().await })),
                    ("boxed", |service| Box::pin(async move { Owner(service.clone()).boxed(&service).await })),
                ],
            };
        }
    };
}

/// An attribute around those that keep no values.
macro_rules! others_inside {
    ($outer:ident $args:tt) => {
        pair!($outer $args fail [ttl = "20s", key = "inner"]);
        pair!($outer $args locked [ttl = "10s", key = "inner"]);
        pair!($outer $args rate_limit [limit = 3, period = "10s", key = "inner"]);
        pair!($outer $args circuit_breaker [errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2, key = "inner"]);
        pair!($outer $args perf [ttl = "5s", key = "inner"]);
        pair!($outer $args invalidate ["elsewhere"]);
    };
}

/// The same around those that do: of these a function has one.
macro_rules! values_inside {
    ($outer:ident $args:tt) => {
        pair!($outer $args cached [ttl = "10s", key = "inner"]);
        pair!($outer $args early [ttl = "12s", early_ttl = "4s", key = "inner"]);
        pair!($outer $args soft [ttl = "12s", soft_ttl = "4s", key = "inner"]);
        pair!($outer $args hit [ttl = "30s", cache_hits = 2, key = "inner"]);
    };
}

macro_rules! outside {
    ($($outer:ident $args:tt $values:ident)*) => {
        $(
            mod $outer {
                use super::*;

                others_inside!($outer $args);
                outside!(@values $values $outer $args);
            }
        )*

        fn pairs() -> Vec<Pair> {
            let mut pairs = Vec::new();
            $(
                pairs.extend([
                        $outer::fail::PAIR, $outer::locked::PAIR, $outer::rate_limit::PAIR, $outer::circuit_breaker::PAIR, $outer::perf::PAIR, $outer::invalidate::PAIR,
                    ]);
                outside!(@list $values $outer pairs);
            )*
            pairs
        }
    };
    (@values has_values $outer:ident $args:tt) => {};
    (@values takes_values $outer:ident $args:tt) => { values_inside!($outer $args); };
    (@list has_values $outer:ident $pairs:ident) => {};
    (@list takes_values $outer:ident $pairs:ident) => {
        $pairs.extend([$outer::cached::PAIR, $outer::early::PAIR, $outer::soft::PAIR, $outer::hit::PAIR]);
    };
}

outside! {
    cached [ttl = "10s", key = "outer"] has_values
    early [ttl = "12s", early_ttl = "4s", key = "outer"] has_values
    soft [ttl = "12s", soft_ttl = "4s", key = "outer"] has_values
    hit [ttl = "30s", cache_hits = 2, key = "outer"] has_values
    fail [ttl = "20s", key = "outer"] takes_values
    locked [ttl = "10s", key = "outer"] takes_values
    rate_limit [limit = 3, period = "10s", key = "outer"] takes_values
    circuit_breaker [errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2, key = "outer"] takes_values
    perf [ttl = "5s", key = "outer"] takes_values
    invalidate ["elsewhere"] takes_values
}

/// What one history came to, step by step: what was given, and how often the function had run by then.
type Story = Vec<(u64, bool, Result<u32, Failed>, u32)>;

fn steps(random: &mut fastrand::Rng) -> Vec<(u64, bool)> {
    let mut down = false;
    let step = |_| {
        if random.u8(..) < 64 {
            down = !down;
        }
        (if random.bool() { 0 } else { random.u64(1..5) }, down)
    };
    (0..60).map(step).collect()
}

fn expected(pair: &Pair, steps: &[(u64, bool)]) -> Story {
    let (stack, mut world) = (Stack::new(&[pair.outer, pair.inner]), World::default());
    let step = |(pause, down): &(u64, bool)| {
        world.now += pause;
        world.down = *down;
        let out = stack.call(&mut world);
        (world.now, *down, out, world.runs)
    };
    steps.iter().map(step).collect()
}

async fn told(call: Call, steps: &[(u64, bool)]) -> Story {
    let clock = ManualClock::new();
    let memory = Memory::builder().check_interval(Duration::ZERO).build();
    let cache = Cache::builder().route("", memory).clock(clock.clone()).build().await.unwrap();
    let service = Service::default();
    let (mut now, mut story) = (0, Vec::new());
    for (pause, down) in steps {
        now += pause;
        clock.advance(Duration::from_secs(*pause));
        service.0.1.store(*down, SeqCst);
        let out = Scope::new().cache(&cache).run(call(service.clone())).await;
        // What goes on beside the call.
        settle().await;
        let out = out.map_err(|error| match error {
            AppError::Down => Failed::Down,
            AppError::Refused => Failed::Refused,
        });
        story.push((now, *down, out, service.0.0.load(SeqCst)));
    }
    assert_eq!(cache.in_flight(), 0);
    story
}

/// Random histories of every pair, on one kind of function.
async fn each_pair(kind: usize) {
    let pairs = pairs();
    assert_eq!(pairs.len(), 10 * 10 - 4 * 4);
    for pair in &pairs {
        let (kind, call) = pair.calls[kind];
        let mut made = 0;
        for seed in 0..6 {
            let steps = steps(&mut fastrand::Rng::with_seed(seed));
            let (expected, story) = (expected(pair, &steps), told(call, &steps).await);
            for at in 0..steps.len() {
                assert_eq!(
                    story[at],
                    expected[at],
                    "{} over {}, {kind}, seed {seed}, step {at}: time, down, answer, runs; before: {:?}",
                    pair.outer,
                    pair.inner,
                    &expected[at.saturating_sub(12)..at]
                );
            }
            made += steps.len() as u64;
        }
        let function = registry().find(|function| is(function, pair, kind)).unwrap();
        // Nobody counts the calls of what only invalidates.
        let counts = [pair.outer, pair.inner] != ["invalidate", "invalidate"];
        let counted = function.stats().calls();
        assert_eq!(counted, if counts { made } else { 0 }, "{} over {}, {kind}", pair.outer, pair.inner);
    }
}

#[tokio::test]
async fn on_a_free_function_each_pair_means_the_one_around_the_other() {
    each_pair(0).await;
}

#[tokio::test]
async fn on_a_method_each_pair_means_the_one_around_the_other() {
    each_pair(1).await;
}

#[tokio::test]
async fn on_an_async_trait_method_each_pair_means_the_one_around_the_other() {
    each_pair(2).await;
}

fn is(function: &macadamia::Function, pair: &Pair, kind: &str) -> bool {
    function.module == pair.module && function.name == kind
}
