//! Payloads made smaller, where the build has what it takes.

use std::str::FromStr;

use super::{MAX_PAYLOAD, Unreadable};
use crate::error::{Error, Result};

/// Smaller payloads stay as they are: what is saved is not worth the time.
const MIN_COMPRESSED: usize = 256;

/// Its two bits in the flags.
pub(super) const PLAIN: u8 = 0;
const LZ4: u8 = 1;
const ZSTD: u8 = 2;

/// How payloads are compressed. There are those whose cargo feature is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// LZ4, feature `lz4`: quick.
    #[cfg(feature = "lz4")]
    Lz4,
    /// Zstandard, feature `zstd`: smaller. A thread that compresses or inflates keeps a context for it.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            #[cfg(feature = "lz4")]
            "lz4" => Ok(Self::Lz4),
            #[cfg(not(feature = "lz4"))]
            "lz4" => Err(needs("lz4")),
            #[cfg(feature = "zstd")]
            "zstd" => Ok(Self::Zstd),
            #[cfg(not(feature = "zstd"))]
            "zstd" => Err(needs("zstd")),
            _ => Err(Error::config(format!("`{name}` is no compression: `lz4` or `zstd`"))),
        }
    }
}

#[cfg(not(all(feature = "lz4", feature = "zstd")))]
fn needs(feature: &str) -> Error {
    Error::config(format!(
        "compression by {feature} needs the feature `{feature}`: macadamia = {{ features = [\"{feature}\"] }}"
    ))
}

impl Compression {
    /// The payload compressed, and the bits that say how; `None` where it is not worth the time.
    fn run(self, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        if payload.len() < MIN_COMPRESSED {
            return None;
        }
        match self {
            #[cfg(feature = "lz4")]
            Self::Lz4 => Some((LZ4, lz4_flex::block::compress(payload))),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some((ZSTD, super::zstd::compress(payload)?)),
        }
    }
}

/// The payload as it is to be stored, if that is smaller than as it is.
pub(super) fn compress(how: Option<Compression>, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
    how?.run(payload).filter(|(_, compressed)| compressed.len() < payload.len())
}

/// What was compressed as `id` says, if it is of the announced length to the byte. Memory is taken for no more than
/// that, and that is bounded here.
pub(super) fn inflate(id: u8, payload: &[u8], announced: u32) -> Result<Vec<u8>, Unreadable> {
    let announced = usize::try_from(announced).map_err(|_| Unreadable::TooLarge)?;
    if announced > MAX_PAYLOAD {
        return Err(Unreadable::TooLarge);
    }
    let inflated = match id {
        LZ4 => lz4(payload, announced)?,
        ZSTD => zstd(payload, announced)?,
        _ => return Err(Unreadable::Malformed),
    };
    if inflated.len() == announced { Ok(inflated) } else { Err(Unreadable::Inflate) }
}

#[cfg(feature = "lz4")]
fn lz4(payload: &[u8], announced: usize) -> Result<Vec<u8>, Unreadable> {
    // No byte of LZ4 stands for more than 255: what announces more is not given memory for it.
    if announced / 255 > payload.len() {
        return Err(Unreadable::Inflate);
    }
    lz4_flex::block::decompress(payload, announced).map_err(|_| Unreadable::Inflate)
}

#[cfg(not(feature = "lz4"))]
fn lz4(_: &[u8], _: usize) -> Result<Vec<u8>, Unreadable> {
    Err(Unreadable::Compression("lz4"))
}

#[cfg(feature = "zstd")]
fn zstd(payload: &[u8], announced: usize) -> Result<Vec<u8>, Unreadable> {
    super::zstd::inflate(payload, announced).ok_or(Unreadable::Inflate)
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: &[u8], _: usize) -> Result<Vec<u8>, Unreadable> {
    Err(Unreadable::Compression("zstd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_compression_is_told_which_there_are() {
        for wrong in ["", "gzip", "ZSTD"] {
            let error = wrong.parse::<Compression>().unwrap_err();
            assert!(error.is_config() && error.to_string().contains("`lz4` or `zstd`"), "{error}");
        }
    }

    #[test]
    fn a_compression_that_is_not_built_in_names_its_feature() {
        for (name, built) in [("lz4", cfg!(feature = "lz4")), ("zstd", cfg!(feature = "zstd"))] {
            match name.parse::<Compression>() {
                Ok(_) => assert!(built, "{name}"),
                Err(error) => assert!(!built && error.to_string().contains(&format!("feature `{name}`"))),
            }
        }
    }

    #[test]
    fn what_cannot_be_inflated_here_names_the_feature_that_could() {
        for (id, name, built) in [(LZ4, "lz4", cfg!(feature = "lz4")), (ZSTD, "zstd", cfg!(feature = "zstd"))]
        {
            let expected = if built { Unreadable::Inflate } else { Unreadable::Compression(name) };
            assert_eq!(inflate(id, b"\xff nothing of the kind", 300), Err(expected));
        }
    }
}
