//! What a server says.

use std::fmt;

/// A reply in RESP 2.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`.
    Status(String),
    /// `-ERR …`, without the dash.
    Error(String),
    /// A number.
    Integer(i64),
    /// A string.
    Bytes(Vec<u8>),
    /// No such thing.
    Nil,
    /// Several replies.
    Array(Vec<Reply>),
}

impl Reply {
    /// The text of a status or a string.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Status(text) => text.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// The number, also of a string of digits.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[track_caller]
    pub fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            other => other.text().parse().unwrap_or_else(|_| panic!("{other:?} is no number")),
        }
    }

    /// The replies in an array.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => panic!("{other:?} is no array"),
        }
    }

    /// Whether the server refused.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// The reply that `bytes` begin with, and its length; `None` while there is more to come.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (line, mut read) = line(bytes)?;
        let (kind, rest) = line.split_first()?;
        let text = || String::from_utf8_lossy(rest).into_owned();
        let reply = match (kind, number(rest)) {
            (b'+', _) => Self::Status(text()),
            (b'-', _) => Self::Error(text()),
            (b':', Some(number)) => Self::Integer(number),
            (b'$' | b'*', Some(-1)) => Self::Nil,
            (b'$', Some(length)) => {
                let length = usize::try_from(length).ok()?;
                let value = bytes.get(read..read + length)?;
                read += length + 2;
                (read <= bytes.len()).then_some(())?;
                Self::Bytes(value.to_vec())
            }
            (b'*', Some(count)) => {
                let mut items = Vec::new();
                for _ in 0..count {
                    let (item, length) = Self::read(&bytes[read..])?;
                    items.push(item);
                    read += length;
                }
                Self::Array(items)
            }
            _ => panic!("no reply begins so: {:?}", String::from_utf8_lossy(line)),
        };
        Some((reply, read))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Nil => f.write_str("nil"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
        }
    }
}

/// The first line, and where the next begins.
pub(crate) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], end + 2))
}

pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    str::from_utf8(digits).ok()?.parse().ok()
}
