//! Removals that are one: a part of a backend is emptied in several steps, and all of them are kept or none.

use std::collections::VecDeque;

use super::Steady;
use super::kept::Removal;
use crate::error::{Error, Result};
use crate::key::RESERVED;
use crate::lock;
use crate::pattern::Pattern;

/// What a pattern of all values of a part stands for, and the guards beside them. Values first: a guard that outlives
/// its value is harmless, a value that outlives a failure is not.
pub(crate) fn with_guards(values: &str) -> Vec<Pattern> {
    let locks = std::iter::once(lock::PREFIX);
    let others = RESERVED.into_iter().filter(|reserved| *reserved != lock::PREFIX);
    let guards = others.chain(locks).map(|reserved| [reserved, values].concat());
    std::iter::once(values.to_owned()).chain(guards).map(Pattern::new).collect()
}

/// The steps of one removal, asked for one after the other. A step that fails is kept as any removal is; what was not
/// asked for when this is dropped is kept, too.
pub(crate) struct Whole<'a> {
    steady: Option<&'a Steady>,
    left: VecDeque<Pattern>,
    error: Option<Error>,
}

impl<'a> Whole<'a> {
    /// Nothing was asked for yet of these, as the backend spells them.
    pub(crate) fn new(steady: Option<&'a Steady>, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        Self { steady, left: patterns.into_iter().collect(), error: None }
    }

    /// What the next of them came to.
    pub(crate) fn answered(&mut self, outcome: Result<u64>) {
        self.left.pop_front();
        let Err(error) = outcome else { return };
        // Callers may be spared that a backend is not there, but not that it refused something.
        if self.error.as_ref().is_none_or(|first| first.is_unavailable() && !error.is_unavailable()) {
            self.error = Some(error);
        }
    }

    /// What all of them came to.
    pub(crate) fn outcome(mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if let Some(steady) = self.steady {
            self.left.drain(..).for_each(|pattern| steady.keep(Removal::Match(pattern)));
        }
    }
}
