//! The slots of single flight, without the cache around them.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use super::{KEY, explore, perhaps_dropped, pick, together, work};
use crate::clock::Time;
use crate::entry::{Entry, Meta};
use crate::flight::{Flights, Join, Landing, Leader};
use crate::key::Key;
use crate::scope::Circle;

/// How a leader ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Answers,
    Fails,
    Panics,
    /// Without a word, as one that is dropped.
    Leaves,
}

/// What there should be of one flight: at most `width` leaders, twice as many after all of them were done and one of
/// them failed.
#[derive(Default)]
struct Expected {
    flight: u64,
    leading: usize,
    width: usize,
    has_failed: bool,
}

struct Story {
    flights: Arc<Flights>,
    key: Key,
    flown: Mutex<Vec<Expected>>,
    waited: AtomicUsize,
    led: AtomicUsize,
}

impl Story {
    fn new() -> Arc<Self> {
        let (flights, key) = (Arc::new(Flights::new()), Key::from(KEY));
        Arc::new(Self {
            flights,
            key,
            flown: Mutex::default(),
            waited: AtomicUsize::new(0),
            led: AtomicUsize::new(0),
        })
    }

    fn of_flight<T>(&self, flight: u64, change: impl FnOnce(&mut Expected) -> T) -> T {
        let mut flown = self.flown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = flown.iter_mut().find(|known| known.flight == flight) {
            return change(known);
        }
        flown.push(Expected { flight, width: 1, ..Expected::default() });
        change(flown.last_mut().unwrap())
    }

    async fn call(&self, ends: &[End]) {
        loop {
            let everybody = Circle::EVERYBODY;
            let leader = match self.flights.join(&self.key, everybody, TypeId::of::<u8>(), &[], Time::ORIGIN)
            {
                Join::Lead(leader) => leader,
                Join::Wait(waiter) => match waiter.land(std::future::pending()).await {
                    Landing::Answer(_) => return,
                    Landing::Lead(leader) => leader,
                    Landing::Again => continue,
                    Landing::Expired => unreachable!("nobody loses patience"),
                },
                Join::Alone | Join::Recursion => unreachable!("nobody is part of a flight"),
            };
            return self.lead(leader, pick(ends)).await;
        }
    }

    async fn lead(&self, leader: Leader, end: End) {
        let body = Body::begin(self, leader.id());
        work().await;
        body.end(end == End::Fails);
        match end {
            End::Answers => {
                let entry = Entry::new(7_u8, Meta::new(Time::ORIGIN, Time::NEVER));
                leader.answer(Some(entry), false);
            }
            End::Fails => leader.fail(),
            End::Leaves => drop(leader),
            End::Panics => {
                // Not told to the panic hook, which would take it for the failure of the story.
                let unwinding = AssertUnwindSafe(move || {
                    let _leader = leader;
                    resume_unwind(Box::new("the function panics"));
                });
                assert!(catch_unwind(unwinding).is_err());
            }
        }
    }
}

impl Story {
    /// One of eight that all fail: the first when the others wait, and those who may lead after it when each of them
    /// does. One that sleeps on would be waited for.
    async fn fail_together(&self) {
        let everybody = Circle::EVERYBODY;
        let leader = match self.flights.join(&self.key, everybody, TypeId::of::<u8>(), &[], Time::ORIGIN) {
            Join::Lead(leader) => leader,
            Join::Wait(waiter) => {
                self.waited.fetch_add(1, SeqCst);
                match waiter.land(std::future::pending()).await {
                    Landing::Lead(leader) => leader,
                    Landing::Answer(_) | Landing::Again | Landing::Expired => unreachable!("all fail"),
                }
            }
            Join::Alone | Join::Recursion => unreachable!("nobody is part of a flight"),
        };
        let companions = match self.led.fetch_add(1, SeqCst) + 1 {
            1 => 1,
            2..=3 => 3,
            4..=7 => 7,
            _ => 8,
        };
        while self.waited.load(SeqCst) < 7 || self.led.load(SeqCst) < companions {
            shuttle::future::yield_now().await;
        }
        leader.fail();
    }
}

/// A leader at work. It ends before its slot does, so there are never more slots than bodies.
struct Body<'a>(&'a Story, u64);

impl<'a> Body<'a> {
    fn begin(story: &'a Story, flight: u64) -> Self {
        story.of_flight(flight, |of| {
            of.leading += 1;
            assert!(of.leading <= of.width, "{} lead where {} may", of.leading, of.width);
        });
        Self(story, flight)
    }

    fn end(self, failed: bool) {
        self.0.of_flight(self.1, |of| of.has_failed |= failed);
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        self.0.of_flight(self.1, |of| {
            of.leading -= 1;
            if of.leading == 0 && std::mem::take(&mut of.has_failed) {
                of.width *= 2;
            }
        });
    }
}

/// So many callers at once; some are dropped, if `drops`; the key is invalidated meanwhile, if `abandons`.
async fn callers(count: usize, ends: &'static [End], drops: bool, abandons: bool) {
    let story = Story::new();
    let callers = (0..count).map(|at| {
        let story = Arc::clone(&story);
        async move {
            if abandons && at == 0 {
                work().await;
                story.flights.abandon(story.key.as_key());
            } else if drops {
                perhaps_dropped(story.call(ends)).await;
            } else {
                story.call(ends).await;
            }
        }
    });
    together(callers).await;
    assert_eq!(story.flights.len(), 0, "a slot is left behind");
    assert!(story.flown.lock().unwrap().iter().all(|of| of.leading == 0));
}

#[test]
fn of_several_callers_one_leads_and_all_have_its_answer() {
    explore(|| callers(4, &[End::Answers], false, false));
}

#[test]
fn whoever_is_left_by_its_leader_leads_or_waits_for_another() {
    explore(|| callers(5, &[End::Answers, End::Leaves, End::Panics], true, false));
}

#[test]
fn after_failures_one_leads_then_two_then_four_and_nobody_is_forgotten() {
    explore(|| callers(6, &[End::Fails, End::Fails, End::Fails, End::Answers], false, false));
}

#[test]
fn of_those_who_may_lead_none_is_left_asleep() {
    explore(|| async {
        let story = Story::new();
        let callers = (0..8).map(|_| {
            let story = Arc::clone(&story);
            async move { story.fail_together().await }
        });
        together(callers).await;
        assert_eq!(story.flights.len(), 0, "a slot is left behind");
    });
}

#[test]
fn callers_dropped_among_failures_take_nobodys_place() {
    explore(|| callers(6, &[End::Fails, End::Leaves, End::Fails], true, false));
}

#[test]
fn a_key_may_be_invalidated_while_its_flight_is_on_and_however_it_ends() {
    explore(|| callers(5, &[End::Answers, End::Fails, End::Leaves, End::Panics], true, true));
}
