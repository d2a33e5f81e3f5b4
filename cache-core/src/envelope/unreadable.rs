//! Why a stored entry cannot be used.

/// Why what a backend gave back is no entry to this cache. To a call it is a miss and an event.
///
/// It says which check failed and never what would have passed it: whoever can write to the backend and read logs
/// must not learn a signature from them.
///
/// ```
/// use cache_core::Unreadable;
///
/// assert_eq!(Unreadable::Version(9).to_string(), "its envelope has version 9, which is not known here");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// It does not begin as an envelope does: somebody else's value, or a plain number.
    #[error("it is no envelope")]
    Foreign,
    /// An envelope of a version that this build does not read.
    #[error("its envelope has version {0}, which is not known here")]
    Version(u8),
    /// Fewer bytes than the smallest envelope has.
    #[error("it is cut short")]
    Truncated,
    /// The route has a secret, and this carries no signature.
    #[error("it is not signed, and this cache has a secret")]
    Unsigned,
    /// This carries a signature, and the route has no secret to check it with.
    #[error("it is signed, and this cache has no secret")]
    Signed,
    /// Signed by another digest than the route is configured for.
    #[error("it is signed by another digest than this cache is configured for")]
    Algorithm,
    /// No secret of the route made this signature for this key and these bytes.
    #[error("its signature is not one of this cache for this key")]
    Signature,
    /// The checksum is not that of these bytes under this key.
    #[error("it is damaged, or belongs to another key")]
    Damaged,
    /// Verified, but its fields do not fit together.
    #[error("its fields do not fit together")]
    Malformed,
    /// More than an entry may be, as it is or inflated.
    #[error("it is larger than an entry may be")]
    TooLarge,
    /// Compressed in a way that this build has not; the cargo feature that brings it.
    #[error("it is compressed, and reading it needs the feature `{0}`")]
    Compression(&'static str),
    /// What was compressed does not inflate to what was announced.
    #[error("it does not inflate to the length it announces")]
    Inflate,
    /// Encoded by a codec that is not known here.
    #[error("its codec, number {0}, is not known here")]
    Codec(u8),
    /// The type of the value has another shape now.
    #[error("its value has another shape than the type has here")]
    Schema,
    /// Stored in the future: the clock of its writer is ahead.
    #[error("it was stored in the future: the clock of its writer is ahead")]
    Time,
    /// The payload is no value of the type that is asked for.
    #[error("its value does not decode")]
    Value,
}
