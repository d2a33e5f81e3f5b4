//! A backend of objects in this process, as plain as can be: the rights to fill it are the cache's.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};

use crate::backend::{Backend, Form, SetOptions, Step, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;
use crate::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(super) struct Shelf {
    kept: Mutex<Kept>,
    clock: OnceLock<Arc<dyn Clock>>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Arc<Entry>>,
    states: HashMap<Key, (Vec<u8>, Time)>,
}

impl Shelf {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn form(&self) -> Form {
        Form::Objects
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        let _ = self.clock.set(Arc::clone(clock));
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async { Ok(self.kept().entries.get(key).cloned()) })
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async {
            self.kept().entries.insert(key.clone(), entry);
            Ok(true)
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(self.kept().entries.remove(key).is_some()) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            *self.kept() = Kept::default();
            Ok(())
        })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let now = self.clock.get().map_or(Time::ORIGIN, |clock| clock.now());
            let mut kept = self.kept();
            let state = kept.states.get(key).filter(|(_, until)| *until > now);
            match change.step(state.map(|(state, _)| state.as_slice()), now) {
                Step::Keep => {}
                Step::Put(state, until) => drop(kept.states.insert(key.clone(), (state, until))),
                Step::Remove => drop(kept.states.remove(key)),
            }
            Ok(())
        })
    }
}
