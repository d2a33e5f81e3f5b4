//! What is written through here: it is not near any more when the command returns, however it ends.

use std::sync::Arc;

use cache_core::{Entry, Key, Pattern};

use super::Nearby;

/// What a command changes.
#[derive(Debug, Clone, Copy)]
pub(in crate::redis) enum What<'a> {
    Key(&'a Key),
    Keys(&'a [Key]),
    Entries(&'a [(Key, Arc<Entry>)]),
    Match(&'a Pattern),
    Tags(&'a [Key]),
    /// Some of these may be keys, or it may be anything.
    Raw {
        command: &'a str,
        args: &'a [&'a [u8]],
    },
    All,
}

/// A command that changes something, until it has returned, failed or been dropped.
///
/// When it ends, and not before: only then a read that is begun afterwards shows what it did. That it may do it later
/// still, where it was dropped, is no harm: reads on its connection come after it, and other connections are told.
pub(in crate::redis) struct Written<'a> {
    near: &'a Nearby,
    what: What<'a>,
}

/// Commands that change what they do not name.
const ANYTHING: &[&str] = &[
    "DEBUG",
    "EVAL",
    "EVALSHA",
    "FCALL",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "REPLICAOF",
    "SCRIPT",
    "SLAVEOF",
    "SWAPDB",
];

impl Nearby {
    pub(in crate::redis) const fn written<'a>(&'a self, what: What<'a>) -> Written<'a> {
        Written { near: self, what }
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        let near = self.near;
        match self.what {
            What::Key(key) => near.change(key.as_key()),
            What::Keys(keys) => keys.iter().for_each(|key| near.change(key.as_key())),
            What::Entries(entries) => entries.iter().for_each(|(key, _)| near.change(key.as_key())),
            What::Match(pattern) => near.change_match(pattern),
            What::Tags(tags) => tags.iter().for_each(|tag| near.end_tag(tag)),
            What::Raw { command, .. } if is_anything(command) => near.change_all(),
            What::Raw { args, .. } => args.iter().for_each(|arg| near.change_name(arg)),
            What::All => near.change_all(),
        }
    }
}

/// Also for more than one word: those that follow are no keys that anybody could know.
fn is_anything(command: &str) -> bool {
    let mut words = command.split_ascii_whitespace();
    let Some(name) = words.next() else { return false };
    words.next().is_some() || ANYTHING.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_change_what_they_do_not_name_are_known() {
        for (command, anything) in
            [("SET", false), ("get", false), ("eval", true), ("FLUSHDB", true), ("SET k", true), ("", false)]
        {
            assert_eq!(is_anything(command), anything, "{command}");
        }
    }
}
