//! What a type looks like to serde, told without a value of it.
//!
//! Bytes that another build has stored are only read by a type of the same shape: a codec without names would
//! otherwise read a new field out of an old one, and all would look well. So a shape has a fingerprint, which is
//! stored with each value.
//!
//! It is found by running the type's own `Deserialize` against a deserializer that has nothing to give: it writes
//! down what it is asked for, one place of the type in a run, and ends the run by an error. Nothing is asked of the
//! type's author, and whatever serde's attributes do to a type is seen as it is (`rename`, `with`, `skip`, …).
//!
//! Where a visitor must have a value before it asks for the next (tuples, keys of maps), one is made up.
//!
//! What cannot be seen so: elements of a sequence after the first, if they are of different types; what a
//! `Deserialize` does with the values it reads; a `Serialize` that does something else than the `Deserialize`
//! (`skip_serializing`, `tag` on a struct, a `serialize_with` alone); and what [`Schema::is_opaque`] tells of.

mod access;
mod dummy;
mod node;
mod recorder;
mod run;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use erased_serde::{Deserializer, Error};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use node::{Asked, Node};
use recorder::Recorder;
use run::{MAX_LEVEL, Path, Run};
pub(crate) use verdict::Nothings;

/// The shape of a type, as its `Deserialize` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    text: String,
    fingerprint: u64,
    recursive: bool,
    opaque: bool,
    needs_names: Option<String>,
    nothings: Nothings,
    enums: Vec<Variants>,
}

/// An enum, and the names of its variants in the order of their numbers.
type Variants = (&'static str, &'static [&'static str]);

/// Those of a type.
pub(crate) type Enums = [Variants];

impl Schema {
    /// The shape of `T`. It takes a run of `T::deserialize` per place of the type: ask once and keep it.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::record(&mut |deserializer| erased_serde::deserialize::<T>(deserializer).map(drop))
    }

    /// The shape of whatever type `deserialize` deserializes.
    pub(crate) fn record(
        deserialize: &mut dyn FnMut(&mut dyn Deserializer<'_>) -> Result<(), Error>,
    ) -> Self {
        let (mut root, mut run) = (Node::default(), Run::new());
        for allowed in 1..=MAX_LEVEL {
            run.allowed = allowed;
            root.reopen(allowed);
            while !root.done && run.start() {
                look(&mut root, &mut run, deserialize);
            }
        }
        Self::from_node(&root)
    }

    fn from_node(root: &Node) -> Self {
        let text = text::write(root);
        let digest = Sha256::digest(&text);
        Self {
            fingerprint: digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)),
            recursive: verdict::is_recursive(root),
            opaque: verdict::is_opaque(root),
            needs_names: verdict::needs_names(root),
            nothings: verdict::nothings(root),
            enums: verdict::enums(root),
            text,
        }
    }

    /// A number that another shape does not have: the first eight bytes of the SHA-256 of the text.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The shape in words, the same in every process and build.
    ///
    /// | text | asks for |
    /// |---|---|
    /// | `u8`, `str`, `bytes`, `unit` | a value of its own |
    /// | `?T` | an `Option` |
    /// | `[T]`, `{K:V}` | a sequence, a map |
    /// | `(A,B*3)`, `Name(A,B)` | a tuple, the last three of one type |
    /// | `Name{a:A,b:B}`, `unit Name` | a struct |
    /// | `enum Name{A,B(u8),C{x:u8}}` | an enum |
    /// | `{…;2}` | two parts: the other names are aliases |
    /// | `rec Name` | the type of that name in which it is |
    /// | `nothing` | nothing at all |
    /// | `any`, `ignored`, `name` | whatever there is: only the bytes tell |
    /// | `opaque`, `deep` | could not be seen |
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether its values may be within each other without end, as far as can be seen: where a part is hidden, so
    /// may be that it is.
    pub fn is_recursive(&self) -> bool {
        self.recursive
    }

    /// Whether a part could not be seen: it takes whatever there is, or asked for something only after values were
    /// given that it accepts. A change of such a part does not change the fingerprint.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Why a codec that stores neither names nor kinds of values cannot store it, as a clause that names the part;
    /// `None` if it can.
    pub fn needs_names(&self) -> Option<&str> {
        self.needs_names.as_deref()
    }

    /// What a codec might write as nothing.
    pub(crate) const fn nothings(&self) -> Nothings {
        self.nothings
    }

    /// The enums in it, as they are read. One with other names for its variants is not among them.
    pub(crate) fn enums(&self) -> &Enums {
        &self.enums
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One run.
fn look(
    root: &mut Node,
    run: &mut Run,
    deserialize: &mut dyn FnMut(&mut dyn Deserializer<'_>) -> Result<(), Error>,
) {
    root.seen = run.number;
    let recorder = Recorder { run, node: root, path: Path::default(), goes_on: false };
    // A made-up value may be one that the type's author ruled out by a panic: one is enough.
    let ended = catch_unwind(AssertUnwindSafe(|| deserialize(&mut <dyn Deserializer<'_>>::erase(recorder))));
    if root.asked.is_none() && matches!(ended, Ok(Ok(()))) {
        run.progress = true;
        root.open(Asked::Nothing, 0);
    }
    root.settle(run.number, run.allowed);
    if !run.progress || ended.is_err() {
        root.blame(run.number, ended.is_ok());
        root.settle(run.number, run.allowed);
    }
}
