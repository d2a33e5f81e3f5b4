//! What a server answers to a raw command.

use bytes::Bytes;

/// The answer to [`Cache::raw`](crate::Cache::raw): our own type, so that no client library shows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing: no such key, no such field.
    Nil,
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A word that is no data, such as `OK`.
    Status(String),
    /// Data.
    Bytes(Bytes),
    /// Several answers.
    List(Vec<Reply>),
    /// Answers with names.
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// Data or a word as text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Status(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// A whole number.
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}
