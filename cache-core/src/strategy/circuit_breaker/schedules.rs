//! Calls that meet at a breaker, under random schedules.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Answer, Breaker, Running, enter};
use crate::cache::{Cache, CacheRef};
use crate::event::{Event, EventKind};
use crate::schedules::{FUNCTION, explore, key, perhaps_dropped, pick, settled, together, work};
use crate::strategy::Enter;
use crate::strategy::circuit_breaker::rule::Pass;
use crate::strategy::guard::Settings;
use crate::testing::{Faults, ManualClock, Wire};

/// No permit comes back by its time.
const BREAKER: Breaker = Breaker {
    errors_rate: 50.0,
    period: Duration::from_secs(60),
    ttl: Duration::from_secs(5),
    half_open_ttl: Duration::from_secs(3600),
    half_open_calls: 2,
    min_calls: 1,
    slow_call: None,
};

struct Story {
    clock: ManualClock,
    cache: Cache,
    moved: Arc<Mutex<Vec<EventKind>>>,
    probes: AtomicU32,
}

impl Story {
    /// With these calls begun before it opened, and its time over.
    async fn about_to_try(late: usize) -> (Arc<Self>, Vec<Running>) {
        let (clock, moved, faults) = (ManualClock::new(), Arc::<Mutex<Vec<_>>>::default(), Faults::new());
        let seen = Arc::clone(&moved);
        let observer = move |event: &Event<'_>| {
            let kinds = [EventKind::CircuitOpened, EventKind::CircuitHalfOpened, EventKind::CircuitClosed];
            if kinds.contains(&event.kind) {
                seen.lock().unwrap().push(event.kind);
            }
        };
        let builder = Cache::builder().clock(clock.clone()).observer(observer);
        let cache = builder.route("", faults.wrap(Wire::new())).build().await.unwrap();
        let story = Arc::new(Self { clock, cache, moved, probes: AtomicU32::new(0) });
        let mut running = Vec::new();
        for _ in 0..=late {
            running.push(story.enter().await.unwrap());
        }
        running.pop().unwrap().leave(Answer::Bad, None).await;
        assert!(story.enter().await.is_none(), "it is open");
        story.clock.advance(BREAKER.ttl);
        faults.yields(1);
        (story, running)
    }

    async fn enter(&self) -> Option<Running> {
        let settings = Settings { bypass: false, counts: false };
        let cache = CacheRef::Given(self.cache.clone());
        match enter(&FUNCTION, cache, &mut key(), BREAKER, settings).await {
            Enter::Go(running) => Some(running),
            Enter::Answer(_) => None,
        }
    }

    async fn call(&self, answer: Answer) {
        let Some(running) = self.enter().await else { return };
        let probe = Probe::begin(self, &running);
        work().await;
        drop(probe);
        running.leave(answer, None).await;
    }

    fn moved(&self, kind: EventKind) -> usize {
        self.moved.lock().unwrap().iter().filter(|moved| **moved == kind).count()
    }

    /// Whatever state it is in is left: by those that are let through now, or when its time is over.
    async fn recovers(&self) {
        settled().await;
        let mut opened = false;
        for _ in 0..BREAKER.half_open_calls {
            let mut running = self.enter().await;
            if running.is_none() && !std::mem::replace(&mut opened, true) {
                self.clock.advance(BREAKER.ttl);
                running = self.enter().await;
            }
            running.expect("a permit is lost").leave(Answer::Good, None).await;
        }
        let running = self.enter().await.expect("it is closed");
        assert!(!is_probe(&running), "so many have succeeded");
    }
}

fn is_probe(running: &Running) -> bool {
    running.0.as_ref().is_some_and(|watched| matches!(watched.pass, Some((Pass::Probe(_), _))))
}

/// A probe at work. It ends before its permit does.
struct Probe<'a>(Option<&'a Story>);

impl<'a> Probe<'a> {
    fn begin(story: &'a Story, running: &Running) -> Self {
        let probe = is_probe(running);
        if probe {
            let probes = story.probes.fetch_add(1, SeqCst) + 1;
            assert!(probes <= BREAKER.half_open_calls, "{probes} probes at once");
        }
        Self(probe.then_some(story))
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(story) = self.0 {
            story.probes.fetch_sub(1, SeqCst);
        }
    }
}

async fn calls(answers: &'static [Answer], late: usize) -> Arc<Story> {
    let (story, late) = Story::about_to_try(late).await;
    let callers = (0..5).map({
        let story = Arc::clone(&story);
        move |_| {
            let story = Arc::clone(&story);
            async move {
                perhaps_dropped(story.call(pick(answers))).await;
            }
        }
    });
    let callers: Vec<_> = callers.collect();
    let late = late.into_iter().map(|running| async move { running.leave(Answer::Bad, None).await });
    let late = shuttle::future::spawn(together(late.collect::<Vec<_>>()));
    together(callers).await;
    late.await.unwrap();
    story
}

#[test]
fn a_half_open_breaker_has_so_many_probes_at_once_and_cancelled_ones_give_back_their_permits() {
    explore(|| async { calls(&[Answer::Good], 0).await.recovers().await });
}

#[test]
fn a_breaker_whose_probes_fail_opens_again_and_recovers() {
    explore(|| async { calls(&[Answer::Good, Answer::Bad], 1).await.recovers().await });
}

#[test]
fn results_of_calls_begun_before_it_opened_change_nothing() {
    explore(|| async {
        let story = calls(&[Answer::Good], 3).await;
        settled().await;
        assert_eq!(story.moved(EventKind::CircuitOpened), 1, "only the first failure opened it");
        assert!(story.moved(EventKind::CircuitHalfOpened) <= 1 && story.moved(EventKind::CircuitClosed) <= 1);
    });
}
