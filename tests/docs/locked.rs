use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use macadamia::{Scope, locked};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::AppError;
use super::support::{Fixture, settle};
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/locked.md");

struct Ledger {
    inside: AtomicU32,
    done: Semaphore,
}

static LEDGER: Ledger = Ledger { inside: AtomicU32::new(0), done: Semaphore::const_new(0) };

fn ledger() -> &'static Ledger {
    &LEDGER
}

impl Ledger {
    async fn withdraw(&self, who: u32, _: u64, fence: u64) -> Result<u64, AppError> {
        self.inside.store(who, SeqCst);
        self.done.acquire().await.unwrap().forget();
        self.inside.store(0, SeqCst);
        Ok(fence)
    }
}

#[locked(key = "account:<account>", ttl = "1m", wait = "15s", fence = token)]
async fn withdraw(account: u32, cents: u64) -> Result<u64, AppError> {
    ledger().withdraw(account, cents, token.get()).await
}

/// The same, for callers that are told apart in the timeline.
#[locked(key = "account", ttl = "1m", wait = "15s", fence = token)]
async fn caller(who: u32) -> Result<u64, AppError> {
    LINE.withdraw(who, 0, token.get()).await
}

static LINE: Ledger = Ledger { inside: AtomicU32::new(0), done: Semaphore::const_new(0) };

#[tokio::test]
async fn one_runs_at_a_time_in_order_of_arrival_and_nobody_waits_for_longer_than_it_says() {
    let fixture = Fixture::quiet().await.into_iter().next().unwrap();
    let mut timeline = Timeline::of(["seconds", "a", "b", "c", "d"]);
    let mut calls: [Option<JoinHandle<Result<u64, AppError>>>; 4] = [const { None }; 4];
    let mut told = [const { String::new() }; 4];
    fixture
        .run(async {
            let scope = Arc::new(Scope::current());
            let mut now = 0;
            for (second, comes, ends) in [
                (0, Some(0), false),
                (3, Some(1), false),
                (6, Some(2), false),
                (8, Some(3), false),
                (10, None, true),
                (20, None, true),
                (23, None, false),
                (30, None, true),
            ] {
                fixture.clock.advance(Duration::from_secs(second - now));
                now = second;
                settle().await;
                if let Some(who) = comes {
                    let scope = Scope::clone(&scope);
                    calls[who] = Some(tokio::spawn(scope.run(caller(u32::try_from(who).unwrap() + 1))));
                }
                if ends {
                    LINE.done.add_permits(1);
                }
                settle().await;
                for (who, call) in calls.iter_mut().enumerate() {
                    let Some(running) = call else { continue };
                    told[who] = if running.is_finished() {
                        match call.take().unwrap().await.unwrap() {
                            Ok(_) => "answer".to_owned(),
                            Err(_) => "LockTimeout".to_owned(),
                        }
                    } else if LINE.inside.load(SeqCst) == u32::try_from(who).unwrap() + 1 {
                        "runs".to_owned()
                    } else {
                        "waits".to_owned()
                    };
                }
                timeline.push([&second, &told[0], &told[1], &told[2], &told[3]]);
                told.iter_mut().filter(|told| told.len() > 5).for_each(String::clear);
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}

#[tokio::test]
async fn calls_of_other_keys_do_not_wait() {
    let fixture = Fixture::memory().await;
    LEDGER.done.add_permits(2);
    fixture
        .run(async {
            let (one, other) = tokio::join!(withdraw(1, 5), withdraw(2, 5));
            assert!(one.is_ok() && other.is_ok());
        })
        .await;
}
