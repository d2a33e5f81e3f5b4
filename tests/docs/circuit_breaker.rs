use std::time::Duration;

use macadamia::{EventKind, circuit_breaker};

use super::support::Fixture;
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/circuit_breaker.md");

static BANK: Source = Source::new();

type Receipt = u32;

async fn ask_the_bank(_: u64) -> Result<Receipt, AppError> {
    BANK.ask().await
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 4, errors = AppError::Timeout)]
async fn charge(order: u64) -> Result<Receipt, AppError> {
    ask_the_bank(order).await
}

/// The state of a breaker, by the transitions that are told.
pub(crate) struct Watched {
    state: &'static str,
    told: [usize; 3],
}

impl Watched {
    pub(crate) const fn new() -> Self {
        Self { state: "closed", told: [0; 3] }
    }

    /// After a call: a probe may have come to its end within it.
    pub(crate) fn state(&mut self, fixture: &Fixture) -> &'static str {
        let kinds = [EventKind::CircuitHalfOpened, EventKind::CircuitOpened, EventKind::CircuitClosed];
        let told = kinds.map(|kind| fixture.events.count(kind));
        for (number, name) in ["half-open", "open", "closed"].into_iter().enumerate() {
            if told[number] > self.told[number] {
                self.state = name;
            }
        }
        self.told = told;
        self.state
    }
}

#[tokio::test]
async fn it_opens_tries_and_closes_as_the_page_draws_it() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "callers get", "the bank", "state"]);
    let mut breaker = Watched::new();
    fixture
        .run(async {
            for second in 0..16 {
                BANK.is_down((2..=8).contains(&second));
                let before = BANK.runs();
                let answer = charge(1).await;
                let state = breaker.state(&fixture);
                if ![1, 5, 6, 10, 11].contains(&second) {
                    timeline.push([&second, &cell(&answer), &BANK.ran_since(before), &state]);
                }
                fixture.clock.advance(Duration::from_secs(1));
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}
