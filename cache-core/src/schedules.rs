//! Random schedules: stories of several callers, told thousands of times, each time with another one going on at
//! each point where they could meet. Run by `./tests/run`.
//!
//! A story that fails prints its schedule: `MACADAMIA_REPLAY=…` with the name of the test repeats it. One in which
//! somebody waits for ever fails as a deadlock.

mod locks;
mod outages;
mod refreshes;
mod shelf;
mod slots;
mod values;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, MaxSteps, Runner};

use crate::backend::Backend;
use crate::cache::{Cache, CacheRef};
use crate::key::KeyBuf;
use crate::registry::Function;
use crate::returns::{Returned, Shape};
use crate::site::Site;
use crate::stats::Counters;
use crate::strategy::Enter;
use crate::strategy::cached::{Settings, enter};
use crate::strategy::policy::Fresh;
pub(crate) use crate::sync::explored::settled;
use crate::tag::Tags;
use crate::testing::{Faults, ManualClock, Wire, drop_after};
use crate::ttl::Ttl;

/// How many schedules of each kind a story is told under, unless `MACADAMIA_SCHEDULES` says otherwise.
const SCHEDULES: usize = 100;

/// In how many places of a schedule somebody of lower priority goes first.
const SURPRISES: usize = 3;

static ALONE: Mutex<()> = Mutex::new(());

/// Tells a story under random schedules: with all who could go on being equal, and with priorities.
pub(crate) fn explore<S: Future<Output = ()>>(story: impl Fn() -> S + Send + Sync + 'static) {
    // Who waits for a lock waits in a static, and the tasks of one exploration are strangers to another.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let schedules = std::env::var("MACADAMIA_SCHEDULES").map_or(SCHEDULES, |count| count.parse().unwrap());
    let mut config = Config::new();
    config.stack_size = 0x8_0000;
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.silence_warnings = true;
    let story = Arc::new(move || shuttle::future::block_on(story()));
    if let Ok(schedule) = std::env::var("MACADAMIA_REPLAY") {
        Runner::new(ReplayScheduler::new_from_encoded(schedule.trim()), config).run(move || story());
        return;
    }
    let again = Arc::clone(&story);
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(move || story());
    Runner::new(PctScheduler::new(SURPRISES, schedules), config).run(move || again());
}

/// One of these at random, the same whenever the schedule is repeated.
pub(crate) fn pick<T: Clone>(choices: &[T]) -> T {
    choices[thread_rng().gen_range(0..choices.len())].clone()
}

/// Gives way a few times.
pub(crate) async fn work() {
    for _ in 0..pick(&[0, 1, 2, 3]) {
        shuttle::future::yield_now().await;
    }
}

/// To its end, mostly; else dropped at one of its first awaits.
pub(crate) async fn perhaps_dropped<T>(future: impl Future<Output = T>) -> Option<T> {
    drop_after(pick(&[1, 2, 3, 4, 6, 9, usize::MAX, usize::MAX, usize::MAX]), future).await
}

/// All at once, each a task of its own.
pub(crate) async fn together<F: Future<Output = ()> + Send + 'static>(tasks: impl IntoIterator<Item = F>) {
    let tasks: Vec<_> = tasks.into_iter().map(shuttle::future::spawn).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A cache whose backend takes a while for each command. Time stands still.
pub(crate) async fn cache_over(backend: impl Backend, clock: &ManualClock) -> Cache {
    let faults = Faults::new();
    faults.yields(1);
    Cache::builder().clock(clock.clone()).route("", faults.wrap(backend)).build().await.unwrap()
}

/// Lets time pass until the server is used again.
pub(crate) async fn until_up(cache: &Cache, clock: &ManualClock) {
    while cache.ping("").await.is_err() {
        clock.advance(Duration::from_millis(100));
        shuttle::future::yield_now().await;
    }
}

/// Two caches over one server, as if in two processes.
pub(crate) async fn two_processes(clock: &ManualClock) -> [Cache; 2] {
    let wire = Wire::new();
    [cache_over(wire.clone(), clock).await, cache_over(wire, clock).await]
}

static COUNTERS: Counters = Counters::new();
pub(crate) static FUNCTION: Function = Function::new("m", "f", None, &[], None, "", 0, &COUNTERS);
static SITE: Site = Site::new(&FUNCTION, "k");

/// What the key of every story is.
pub(crate) const KEY: &str = "k";

pub(crate) fn key() -> KeyBuf {
    let mut key = KeyBuf::new();
    key.literal(KEY);
    key
}

/// How long the values of [`call`] live; a third of it they are fresh.
pub(crate) const TTL: Ttl = Ttl::from_millis(900_000);

/// A call of an annotated function, as the attributes print it.
pub(crate) async fn call<Out, S: Shape<Out>>(
    cache: &Cache,
    returned: Returned<Out, S>,
    settings: Settings,
    body: impl Future<Output = Out>,
) -> Out {
    let cache = CacheRef::Given(cache.clone());
    let pending = match enter(&SITE, cache, &mut key(), returned, settings) {
        Enter::Answer(out) => return out,
        Enter::Go(pending) => pending,
    };
    let lead = match pending.lead(Tags::new()).await {
        Enter::Answer(found) => found.answer(returned),
        Enter::Go(lead) => Enter::Go(lead),
    };
    let mut lead = match lead {
        Enter::Answer(out) => return out,
        Enter::Go(lead) => lead,
    };
    let out = lead.run(body).await;
    let kept = lead.keep(returned, &out).ttl(Ok(TTL)).fresh(Ok(Fresh::Third)).done();
    match lead.leave(returned, out, kept, None) {
        Enter::Answer(out) => out,
        Enter::Go((store, value)) => {
            store.await;
            returned.value(value)
        }
    }
}
