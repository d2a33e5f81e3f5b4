//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::bench::Bench;

const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];

/// A value that tells whose it is and whether it is whole.
fn value(key: &str, number: usize) -> String {
    let part = format!("{key}/{number};");
    part.repeat(50 + number % 50)
}

#[track_caller]
fn assert_whole(key: &str, found: &str) {
    let part = found.split_inclusive(';').next().unwrap_or_default();
    let number =
        part.strip_prefix(key).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(';')?.parse().ok());
    let Some(number) = number else { panic!("under {key:?} is what was never stored there: {part:?}") };
    assert!(found == value(key, number), "the value under {key:?} is torn");
}

/// A writer that is done when dropped; readers go on while there are any.
struct Writer(Arc<AtomicUsize>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn readers_see_whole_values_of_their_key(bench: Bench) {
    let (rounds, writers) = (bench.rounds(300), Arc::new(AtomicUsize::new(2)));
    bench
        .at_once(4, move |bench, thread| {
            let writers = Arc::clone(&writers);
            async move {
                match thread {
                    0 => {
                        let _writer = Writer(writers);
                        for round in 0..rounds {
                            let key = KEYS[round % KEYS.len()];
                            bench.set(key, &value(key, round)).await;
                        }
                    }
                    1 => {
                        let _writer = Writer(writers);
                        for round in 0..rounds {
                            let both = [(KEYS[0], value(KEYS[0], round)), (KEYS[1], value(KEYS[1], round))];
                            bench.set_many(&both.each_ref().map(|(key, value)| (*key, value.as_str()))).await;
                        }
                    }
                    2 => {
                        while writers.load(Ordering::SeqCst) > 0 {
                            for key in KEYS {
                                bench.get(key).await.iter().for_each(|found| assert_whole(key, found));
                            }
                        }
                    }
                    _ => {
                        while writers.load(Ordering::SeqCst) > 0 {
                            for (key, found) in KEYS.iter().zip(bench.get_many(&KEYS).await) {
                                found.iter().for_each(|found| assert_whole(key, found));
                            }
                        }
                    }
                }
            }
        })
        .await;
}

/// A key that is only ever overwritten is there for every reader.
pub(super) async fn an_overwrite_is_never_a_gap(bench: Bench) {
    bench.set("k", "v").await;
    let (rounds, writers) = (bench.rounds(300), Arc::new(AtomicUsize::new(1)));
    bench
        .at_once(3, move |bench, thread| {
            let writers = Arc::clone(&writers);
            async move {
                if thread == 0 {
                    let _writer = Writer(writers);
                    for round in 0..rounds {
                        bench.set("k", &format!("v{round}")).await;
                    }
                } else {
                    while writers.load(Ordering::SeqCst) > 0 {
                        assert!(bench.get("k").await.is_some(), "a reader found nothing during an overwrite");
                    }
                }
            }
        })
        .await;
}

pub(super) async fn of_many_who_delete_one_is_told(bench: Bench) {
    for _ in 0..bench.rounds(50) {
        bench.set("k", "v").await;
        let told = bench.at_once(4, |bench, _| async move { bench.delete("k").await }).await;
        let told = told.iter().filter(|told| **told).count();
        must_eq!(told, 1, "of four who deleted one entry at once, so many were told that they did");
    }
}

/// Whichever comes first, once both are done there is nothing: the store was deleted, or it was refused.
async fn no_fill_survives<F, Fut>(bench: Bench, remove: F)
where
    F: Fn(Bench) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()>,
{
    for round in 0..bench.rounds(100) {
        let (fill, remove) = (bench.fill("k").await, remove.clone());
        bench
            .at_once(2, move |bench, thread| {
                let remove = remove.clone();
                async move {
                    // Now one is the first and now the other, by more or less.
                    if thread == round % 2 {
                        std::thread::sleep(Duration::from_micros(fastrand::u64(..150)));
                    }
                    if thread == 0 {
                        bench.store_filling("k", "older", fill).await;
                    } else {
                        remove(bench).await;
                    }
                }
            })
            .await;
        must_eq!(
            bench.get("k").await,
            None,
            "in round {round} a fill survived a removal that came meanwhile"
        );
        bench.backend.end_fill(&"k".into(), fill);
    }
}

pub(super) async fn no_fill_survives_a_deletion(bench: Bench) {
    no_fill_survives(bench, |bench| async move {
        bench.delete("k").await;
    })
    .await;
}

pub(super) async fn no_fill_survives_a_clear(bench: Bench) {
    no_fill_survives(bench, |bench| async move { bench.clear().await }).await;
}

pub(super) async fn no_fill_survives_a_pattern(bench: Bench) {
    no_fill_survives(bench, |bench| async move {
        bench.delete_match("k*").await;
    })
    .await;
}
