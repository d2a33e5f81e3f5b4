//! One run of a `Deserialize`, and the bounds of all.

use std::cell::Cell;

use erased_serde::Error;
use serde::de::Error as _;

use super::dummy::Dummy;
use super::node::{Asked, Node};

/// The most runs for one type.
const MAX_RUNS: u32 = 4_096;
/// The most places of one type.
const MAX_NODES: usize = 32_768;
/// The most values that are made up.
const MAX_DUMMIES: u32 = 1_000_000;
/// How far down is looked.
const MAX_DEPTH: usize = 64;
/// How often one name is looked into along one way: `Page<Page<u8>>` has the same name twice and is not recursive.
pub(super) const MAX_LEVEL: u8 = 8;

/// What a run knows, and what is left for the ones after it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u32,
    /// How often one name is looked into by now. What is nearest is seen first, so a type of many recursive parts
    /// is seen whole once before it is seen again.
    pub(super) allowed: u8,
    /// Whether there was something new.
    pub(super) progress: bool,
    /// Whether it learned what it came for: whatever is asked after that gets an error.
    over: bool,
    /// Whether all that matters is whether something is asked for.
    pub(super) probing: bool,
    nodes: usize,
    fuel: Cell<u32>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            number: 0,
            allowed: 1,
            progress: false,
            over: false,
            probing: false,
            nodes: 0,
            fuel: Cell::new(MAX_DUMMIES),
        }
    }

    /// A value to go on with.
    pub(super) fn make_up(&self, attempt: u8) -> Dummy<'_> {
        Dummy::new(attempt, &self.fuel)
    }

    /// Starts the next run; `false` if there were enough of them.
    pub(super) fn start(&mut self) -> bool {
        if self.number >= MAX_RUNS {
            return false;
        }
        (self.progress, self.over, self.probing) = (false, false, false);
        self.number += 1;
        true
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Ends the run: the error is the only way out of a `Deserialize`.
    pub(super) fn end(&mut self) -> Error {
        self.over = true;
        Error::custom("the shape of a type is looked at, and no value of it is made")
    }

    /// Notes that `node` asks for `asked`; an error ends the run.
    pub(super) fn note(&mut self, node: &mut Node, asked: Asked, path: Path<'_>) -> Result<(), Error> {
        if self.over {
            return Err(self.end());
        }
        node.seen = self.number;
        match &node.asked {
            None => {
                self.progress = true;
                let level = path.level(&asked);
                node.open(asked, level);
            }
            Some(before) if *before == asked => {}
            Some(_) => {
                // It asks one thing now and another then.
                self.progress = true;
                node.close(Asked::Opaque);
                return Err(self.end());
            }
        }
        if self.probing || node.level > self.allowed {
            return Err(self.end());
        }
        if node.parts.is_empty() && node.arity() > 0 {
            self.progress = true;
            if path.depth >= MAX_DEPTH {
                node.close(Asked::Deep);
                return Err(self.end());
            }
            if self.nodes.saturating_add(node.arity()) > MAX_NODES {
                node.close(Asked::Opaque);
                return Err(self.end());
            }
            self.nodes += node.arity();
            node.furnish();
        }
        Ok(())
    }
}

/// The way from the whole to a part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Path<'p> {
    depth: usize,
    last: Option<&'p Step<'p>>,
}

/// A named place on the way.
#[derive(Debug)]
pub(super) struct Step<'p> {
    asked: Asked,
    before: Option<&'p Self>,
}

impl<'p> Path<'p> {
    /// The step that `node` is.
    pub(super) fn step(self, node: &Node) -> Option<Step<'p>> {
        let asked = node.asked.clone().filter(Asked::is_named)?;
        Some(Step { asked, before: self.last })
    }

    /// The way on from it.
    pub(super) fn after<'s>(self, step: Option<&'s Step<'p>>) -> Path<'s>
    where
        'p: 's,
    {
        Path { depth: self.depth + 1, last: step.or(self.last) }
    }

    /// How many like it there are on the way, with it; 0 for what has no name.
    fn level(self, asked: &Asked) -> u8 {
        if !asked.is_named() {
            return 0;
        }
        let before = std::iter::successors(self.last, |step| step.before);
        let count = before.filter(|step| step.asked == *asked).count();
        u8::try_from(count).unwrap_or(u8::MAX).saturating_add(1)
    }
}
