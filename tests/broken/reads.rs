//! Defects of reading, and of steps that are not one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use macadamia::{Backend, Entry, Error, Increment, Key, Meta, Result, Step, Time, Transition};

use super::tools::{Glance, Replace, closed, give_way, with_bytes};
use super::{Defect, State, texts};

impl State {
    pub async fn get(&self, key: &Key) -> Result<Option<Arc<Entry>>> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let key = &texts::key(self.defect, key);
        let found = self.wire.get(key).await?;
        Ok(match self.defect {
            Defect::StatesAreEntries if found.is_none() => {
                let mut glance = Glance(None);
                self.wire.update(key, &mut glance).await?;
                glance.0.map(|_| with_bytes(&Entry::new((), Meta::new(self.now(), Time::NEVER)), |_| vec![1]))
            }
            _ => found,
        })
    }

    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Entry>>>> {
        let mut keys = keys.to_vec();
        match self.defect {
            Defect::LosesOrder => keys.sort_by(|a, b| a.as_str().cmp(b.as_str())),
            Defect::DropsRepeats => {
                let mut seen = Vec::new();
                keys.retain(|key| !seen.contains(key) && (seen.push(key.clone()), true).1);
            }
            _ => {}
        }
        if keys.is_empty() && self.has(Defect::EmptyIsAnError) {
            return Err(Error::backend("wrong number of arguments"));
        }
        let mut found = Vec::new();
        for key in &keys {
            found.push(self.get(key).await?);
        }
        if self.has(Defect::LeavesGapsOut) {
            found.retain(Option::is_some);
        }
        Ok(found)
    }

    pub async fn increment(&self, key: &Key, step: Increment) -> Result<i64> {
        let before = self.wire.get(key).await?;
        let number = before.as_ref().and_then(|entry| entry.downcast_ref::<i64>().copied());
        let counter = |sum: i64, expires| Entry::new(sum, Meta::new(self.now(), expires));
        let expires = before.as_ref().map_or(Time::NEVER, |entry| entry.expires());
        let put = async |entry| self.wire.set(key, entry, <_>::default()).await;
        match self.defect {
            Defect::CountsInTwoSteps => {
                give_way();
                let sum = number.unwrap_or_default() + step.by;
                put(counter(sum, expires)).await?;
                Ok(sum)
            }
            Defect::CountsOverText if number.is_none() => {
                put(counter(step.by, Time::NEVER)).await?;
                Ok(step.by)
            }
            Defect::SumsWrap => {
                let sum = number.unwrap_or_default().wrapping_add(step.by);
                put(counter(sum, expires)).await?;
                Ok(sum)
            }
            Defect::OnlyANewCounterGetsAnEnd if before.is_some() => {
                self.wire.increment(key, Increment::new(step.by, None)).await
            }
            Defect::EachCountMovesTheEnd => {
                let sum = self.wire.increment(key, step).await?;
                let moved = step.ttl.map(|ttl| self.now().after(ttl));
                put(counter(sum, moved.unwrap_or(expires))).await?;
                Ok(sum)
            }
            Defect::CountersStayPositive if number.unwrap_or_default() + step.by < 0 => Ok(0),
            Defect::CountKeepsRights => {
                self.rights.pardon(|other| other == key);
                self.wire.increment(key, step).await
            }
            Defect::ExpiredCountersGoOn if before.is_none() => {
                let last = self
                    .stored
                    .lock()
                    .unwrap()
                    .get(key)
                    .and_then(|entry| entry.downcast_ref::<i64>().copied());
                let sum = last.unwrap_or_default() + step.by;
                self.stored.lock().unwrap().insert(key.clone(), counter(sum, Time::NEVER));
                self.wire.increment(key, Increment::new(sum, step.ttl)).await
            }
            _ => self.wire.increment(key, step).await,
        }
    }

    pub async fn update(&self, key: &Key, change: &mut dyn Transition) -> Result<()> {
        match self.defect {
            Defect::UpdatesInTwoSteps => {
                let mut glance = Glance(None);
                self.wire.update(key, &mut glance).await?;
                give_way();
                let step = change.step(glance.0.as_deref(), self.now());
                self.wire.update(key, &mut Replace(step)).await
            }
            Defect::LeasesNeverEnd => {
                self.wire
                    .update(
                        key,
                        &mut Mended(change, |step| match step {
                            Step::Put(state, _) => Step::Put(state, Time::NEVER),
                            step => step,
                        }),
                    )
                    .await
            }
            Defect::AnyoneUnlocks => {
                self.wire
                    .update(
                        key,
                        &mut Mended(change, |step| match step {
                            Step::Keep => Step::Remove,
                            step => step,
                        }),
                    )
                    .await
            }
            Defect::StatesAreText => {
                self.wire
                    .update(
                        key,
                        &mut Mended(change, |step| match step {
                            Step::Put(state, end) => {
                                Step::Put(String::from_utf8_lossy(&state).into_owned().into_bytes(), end)
                            }
                            step => step,
                        }),
                    )
                    .await
            }
            _ => self.wire.update(key, change).await,
        }
    }
}

/// A transition whose answer is changed on the way.
struct Mended<'a>(&'a mut dyn Transition, fn(Step) -> Step);

impl Transition for Mended<'_> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        (self.1)(self.0.step(state, now))
    }
}
