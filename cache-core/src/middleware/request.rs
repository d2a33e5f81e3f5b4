//! What goes down the chain and what comes back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Item;
use crate::backend::{Fill, Increment, SetOptions};
use crate::clock::Time;
use crate::entry::Entry;
use crate::key::Key;
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

macro_rules! verbs {
    ($($name:ident $text:literal,)*) => {
        /// What is asked of a backend: the variants of [`Request`] without what they carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the request of its name")]
        pub enum Verb {
            $($name,)*
        }

        impl Verb {
            /// Every verb.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name: that of the method of [`Backend`](crate::Backend).
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }

        impl Request {
            /// What is asked.
            pub const fn verb(&self) -> Verb {
                match self {
                    $(Self::$name { .. } => Verb::$name,)*
                }
            }
        }
    };
}

verbs! {
    Get "get",
    GetMany "get_many",
    Set "set",
    SetMany "set_many",
    CompareAndSet "compare_and_set",
    Delete "delete",
    DeleteMany "delete_many",
    DeleteMatch "delete_match",
    Clear "clear",
    Scan "scan",
    Expire "expire",
    Increment "increment",
    BeginFill "begin_fill",
    Stamp "stamp",
    Generations "generations",
    DeleteTags "delete_tags",
    Update "update",
    SizeOf "size_of",
    Raw "raw",
    FlushAll "flush_all",
    Ping "ping",
    Close "close",
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One command on its way to a backend. The answer to each is the named variant of [`Response`].
///
/// One command of a [`Cache`](crate::Cache) can be several requests: a function that misses asks
/// [`Get`](Self::Get), [`BeginFill`](Self::BeginFill), perhaps [`Stamp`](Self::Stamp), and [`Set`](Self::Set).
/// Giving a right to fill back is no request: it happens in destructors, which cannot wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Request {
    /// The entry under a key → [`Response::Entry`].
    Get {
        /// Where.
        key: Key,
    },
    /// The entries under several keys → [`Response::Entries`], in their order.
    GetMany {
        /// Where.
        keys: Vec<Key>,
    },
    /// Store → [`Response::Flag`]: whether it was stored.
    Set {
        /// What, and where.
        item: Item,
        /// On which conditions.
        options: SetOptions,
    },
    /// Store several → [`Response::Done`].
    SetMany {
        /// What, and where.
        items: Vec<Item>,
    },
    /// Store if nobody has written since → [`Response::Flag`]. What is expected goes along unseen.
    CompareAndSet {
        /// What, and where.
        item: Item,
    },
    /// Remove → [`Response::Flag`]: whether something was there.
    Delete {
        /// Where.
        key: Key,
    },
    /// Remove several → [`Response::Count`].
    DeleteMany {
        /// Where.
        keys: Vec<Key>,
    },
    /// Remove what matches → [`Response::Count`].
    DeleteMatch {
        /// Which keys.
        pattern: Pattern,
    },
    /// Remove all that is stored through this chain → [`Response::Done`].
    Clear,
    /// The keys that match → [`Response::Keys`].
    Scan {
        /// Which keys.
        pattern: Pattern,
    },
    /// Move an expiry → [`Response::Flag`].
    Expire {
        /// Where.
        key: Key,
        /// The new one.
        expires: Time,
    },
    /// Count → [`Response::Number`].
    Increment {
        /// Where.
        key: Key,
        /// By how much.
        step: Increment,
    },
    /// Take the right to fill → [`Response::Fill`].
    BeginFill {
        /// Where.
        key: Key,
    },
    /// The generations of tags, begun where needed → [`Response::Stamps`].
    Stamp {
        /// Which.
        tags: Vec<Key>,
    },
    /// The generations of tags as they are → [`Response::Generations`].
    Generations {
        /// Which.
        tags: Vec<Key>,
    },
    /// End the generations of tags → [`Response::Done`].
    DeleteTags {
        /// Which.
        tags: Vec<Key>,
    },
    /// One step of a lock, limit or breaker → [`Response::Done`]. The step goes along unseen.
    Update {
        /// Where.
        key: Key,
    },
    /// The bytes an entry takes → [`Response::Size`].
    SizeOf {
        /// Where.
        key: Key,
    },
    /// A command of the server itself → [`Response::Reply`]. Keys in its arguments are not mapped.
    Raw {
        /// Its name.
        command: String,
        /// Its arguments.
        args: Vec<Bytes>,
    },
    /// Empty the whole store, whoever filled it → [`Response::Done`].
    FlushAll,
    /// Are you there → [`Response::Text`].
    Ping {
        /// What is to be said back.
        message: String,
    },
    /// Let go of connections → [`Response::Done`].
    Close,
}

impl Request {
    /// The key of a request that has one.
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Get { key }
            | Self::Delete { key }
            | Self::Expire { key, .. }
            | Self::Increment { key, .. }
            | Self::BeginFill { key }
            | Self::Update { key }
            | Self::SizeOf { key } => Some(key),
            Self::Set { item, .. } | Self::CompareAndSet { item } => Some(&item.key),
            _ => None,
        }
    }

    /// All keys that the request names, in order; tags are none.
    pub fn keys(&self) -> Vec<&Key> {
        match self {
            Self::GetMany { keys } | Self::DeleteMany { keys } => keys.iter().collect(),
            Self::SetMany { items } => items.iter().map(|item| &item.key).collect(),
            other => other.key().into_iter().collect(),
        }
    }

    /// The pattern of a request that has one.
    pub const fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::DeleteMatch { pattern } | Self::Scan { pattern } => Some(pattern),
            _ => None,
        }
    }
}

/// What a backend answered. Which request is answered by which is said at [`Request`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Response {
    /// The entry, as the backend keeps it: perhaps expired, perhaps with its value as bytes ([`payload`](Entry::payload)).
    Entry(Option<Arc<Entry>>),
    /// Entries, in the order of the keys.
    Entries(Vec<Option<Arc<Entry>>>),
    /// It is done.
    Done,
    /// Yes or no.
    Flag(bool),
    /// How many living entries went.
    Count(u64),
    /// What a counter is now.
    Number(i64),
    /// Keys.
    Keys(Vec<Key>),
    /// A right to fill, if the backend keeps such rights.
    Fill(Option<Fill>),
    /// Generations, each with its tag.
    Stamps(Vec<Stamp>),
    /// Generations, in the order of the tags.
    Generations(Vec<Option<u64>>),
    /// Bytes.
    Size(Option<u64>),
    /// What the server said.
    Reply(Reply),
    /// Text.
    Text(String),
}
