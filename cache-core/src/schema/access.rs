//! What a visitor is given to ask further: one part in a run, with as little made up around it as can be.

use erased_serde::Error;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess};

use super::node::{Asked, Node};
use super::recorder::{Recorder, ask};
use super::run::{Path, Run};

/// A struct: the key of one field, and its value.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    run: &'r mut Run,
    node: &'r mut Node,
    path: Path<'r>,
    names: &'static [&'static str],
    /// The part whose key was given.
    part: Option<usize>,
    untouched: bool,
}

impl<'r> Fields<'r> {
    pub(super) fn new(
        run: &'r mut Run,
        node: &'r mut Node,
        path: Path<'r>,
        names: &'static [&'static str],
    ) -> Self {
        Self { run, node, path, names, part: None, untouched: true }
    }

    /// Whether the visitor asked for nothing.
    pub(super) fn is_untouched(&self) -> bool {
        self.untouched
    }
}

impl<'de> MapAccess<'de> for &mut Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.names.is_empty() || self.run.is_over() && self.part.is_none() {
            return Ok(None);
        }
        if !std::mem::take(&mut self.untouched) {
            // Whoever does not stop at an error stops at the end.
            self.part = None;
            return Err(self.run.end());
        }
        if let Some(index) = self.node.probe {
            self.part = Some(index);
            return seed.deserialize((index as u64).into_deserializer()).map(Some);
        }
        let part = self.node.next();
        match part.and_then(|part| self.names.get(part)) {
            Some(name) => {
                self.part = part;
                seed.deserialize((*name).into_deserializer()).map(Some)
            }
            None => Err(self.run.end()),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if let Some(index) = self.node.probe {
            let mut scratch = Node::default();
            self.run.probing = true;
            let result = ask(self.run, &mut scratch, self.path, false, |part| seed.deserialize(part));
            // An unknown field is skipped over.
            self.run.progress = !matches!(scratch.asked, None | Some(Asked::Ignored | Asked::Nothing));
            if self.run.progress {
                self.node.probe_hit(index);
            }
            return result;
        }
        match self.part.and_then(|part| self.node.parts.get_mut(part)) {
            Some(part) => ask(self.run, part, self.path, false, |part| seed.deserialize(part)),
            None => Err(self.run.end()),
        }
    }
}

/// A tuple: made-up values for what is known already, then what is not.
#[derive(Debug)]
pub(super) struct Elements<'r> {
    run: &'r mut Run,
    attempt: u8,
    parts: std::slice::IterMut<'r, Node>,
    path: Path<'r>,
}

impl<'r> Elements<'r> {
    pub(super) fn new(run: &'r mut Run, node: &'r mut Node, path: Path<'r>) -> Self {
        Self { run, attempt: node.attempt, parts: node.parts.iter_mut(), path }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.parts.next() {
            None => Ok(None),
            Some(part) if part.done => seed.deserialize(self.run.make_up(self.attempt)).map(Some),
            Some(part) => ask(self.run, part, self.path, true, |part| seed.deserialize(part)).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len())
    }
}

/// A sequence: its first element, and no more than that.
#[derive(Debug)]
pub(super) struct First<'r> {
    run: &'r mut Run,
    element: Option<&'r mut Node>,
    path: Path<'r>,
}

impl<'r> First<'r> {
    pub(super) fn new(run: &'r mut Run, node: &'r mut Node, path: Path<'r>) -> Self {
        Self { run, element: node.parts.first_mut(), path }
    }
}

impl<'de> SeqAccess<'de> for First<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.element.take() {
            Some(element) => {
                ask(self.run, element, self.path, false, |part| seed.deserialize(part)).map(Some)
            }
            None if self.run.is_over() => Ok(None),
            None => Err(self.run.end()),
        }
    }
}

/// A map: the key of its first entry, and the value.
#[derive(Debug)]
pub(super) struct Entries<'r> {
    run: &'r mut Run,
    node: &'r mut Node,
    path: Path<'r>,
    given: bool,
}

impl<'r> Entries<'r> {
    pub(super) fn new(run: &'r mut Run, node: &'r mut Node, path: Path<'r>) -> Self {
        Self { run, node, path, given: false }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.run.is_over() {
            return Ok(None);
        }
        if std::mem::replace(&mut self.given, true) {
            return Err(self.run.end());
        }
        let attempt = self.node.attempt;
        match self.node.parts.first_mut() {
            Some(key) if key.done => seed.deserialize(self.run.make_up(attempt)).map(Some),
            Some(key) => ask(self.run, key, self.path, true, |key| seed.deserialize(key)).map(Some),
            None => Err(self.run.end()),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.node.parts.last_mut().filter(|part| self.given && !part.done) {
            Some(value) => ask(self.run, value, self.path, false, |value| seed.deserialize(value)),
            None => Err(self.run.end()),
        }
    }
}

/// An enum: one of its variants.
#[derive(Debug)]
pub(super) struct Variants<'r> {
    run: &'r mut Run,
    node: &'r mut Node,
    path: Path<'r>,
    names: &'static [&'static str],
}

impl<'r> Variants<'r> {
    pub(super) fn new(
        run: &'r mut Run,
        node: &'r mut Node,
        path: Path<'r>,
        names: &'static [&'static str],
    ) -> Self {
        Self { run, node, path, names }
    }
}

impl<'de, 'r> EnumAccess<'de> for Variants<'r> {
    type Error = Error;
    type Variant = Recorder<'r>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Recorder<'r>), Error> {
        let Self { run, node, path, names } = self;
        if let Some(index) = node.probe {
            seed.deserialize((index as u64).into_deserializer())?;
            run.progress = true;
            node.probe_hit(index);
            return Err(run.end());
        }
        let by_index = node.other_way;
        let Some((index, name)) = node.next().and_then(|index| Some((index, *names.get(index)?))) else {
            return Err(run.end());
        };
        let variant = if by_index {
            seed.deserialize((index as u64).into_deserializer())?
        } else {
            seed.deserialize(name.into_deserializer())?
        };
        match node.parts.get_mut(index) {
            Some(part) => {
                part.seen = run.number;
                Ok((variant, Recorder { run, node: part, path, goes_on: false }))
            }
            None => Err(run.end()),
        }
    }
}
