//! The one error of macadamia: cheap to clone, so that every caller waiting on one computation can have it.

use std::sync::Arc;
use std::time::Duration;

use crate::envelope::Unreadable;

/// What a cache can report. `Clone + Send + Sync + 'static`, so it can be shared, stored and sent.
///
/// Value strategies (`cached` and its kin) never return it: to them a broken backend is a miss and an
/// [`Event`](crate::Event). Commands return it, and attributes that may refuse a call put it into the
/// function's own error by `From`.
///
/// ```
/// use std::time::Duration;
/// use cache_core::Error;
///
/// let refused = Error::rate_limited(Duration::from_secs(3));
/// assert_eq!(refused.retry_after(), Some(Duration::from_secs(3)));
/// assert_eq!(refused.to_string(), "rate limit reached, retry in 3s");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More calls than the limit allows; the function was not called.
    #[error("rate limit reached, retry in {retry_after:?}")]
    #[non_exhaustive]
    RateLimited {
        /// When the next call can be admitted.
        retry_after: Duration,
    },
    /// The circuit breaker is open; the function was not called.
    #[error("circuit is open, retry in {retry_after:?}")]
    #[non_exhaustive]
    CircuitOpen {
        /// When the breaker lets a probe through.
        retry_after: Duration,
    },
    /// Somebody else holds the lock and the caller asked not to wait.
    #[error("locked by another holder")]
    Locked,
    /// Somebody else held the lock for as long as the caller was ready to wait.
    #[error("gave up waiting for a lock")]
    LockTimeout,
    /// The function has become slow and is spared for a while.
    #[error("degraded, retry in {retry_after:?}")]
    #[non_exhaustive]
    Degraded {
        /// When calls are let through again.
        retry_after: Duration,
    },
    /// The backend cannot do this; `command` names what was asked and `backend` who refused.
    #[error("the {backend} backend does not support {command}")]
    #[non_exhaustive]
    Unsupported {
        /// The backend's own name, as in its URL scheme.
        backend: &'static str,
        /// The command that was asked for.
        command: &'static str,
    },
    /// A value could not be turned into bytes or back.
    #[error("cannot encode or decode {type_name}: {reason}")]
    #[non_exhaustive]
    Codec {
        /// The Rust type of the value.
        type_name: &'static str,
        /// What the codec said.
        reason: Arc<str>,
    },
    /// What is stored cannot be used: damaged, forged, another version or type.
    #[error("the stored entry cannot be used: {0}")]
    Unreadable(Unreadable),
    /// More than one entry may hold; nothing was stored.
    #[error("too large to store: an entry holds at most {limit} {what}")]
    #[non_exhaustive]
    TooLarge {
        /// What there was too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// The backend failed; the message carries no credentials.
    #[error("backend failed: {0}")]
    Backend(Arc<str>),
    /// The backend as a whole cannot be reached, or says that it can do nothing now: it is down, starting, failing over.
    /// Whether the command was done is not known.
    #[error("the {backend} backend cannot be reached: {reason}")]
    #[non_exhaustive]
    Unavailable {
        /// The backend's own name, as in its URL scheme.
        backend: &'static str,
        /// What happened; carries no credentials.
        reason: Arc<str>,
    },
    /// The command took longer than its limit. What it did on the way is not undone.
    #[error("no answer within {limit:?}")]
    #[non_exhaustive]
    Timeout {
        /// The limit that passed.
        limit: Duration,
    },
    /// The set-up is wrong: the sentence says where, and what to write instead.
    #[error("{0}")]
    Config(Arc<str>),
    /// A counter command met a value that is not an integer; the value is untouched.
    #[error("the value is not an integer")]
    NotANumber,
    /// An annotated function failed, and its call was answered with something else: what
    /// [`detect`](crate::detect()) and events tell of the function's own error. No call returns this.
    #[error("the function failed: {0}")]
    Hidden(Arc<str>),
    /// A key could not be made from the arguments, so there is nothing to look up.
    #[error("no key: {0}")]
    NoKey(&'static str),
}

impl Error {
    /// A set-up error with a readable sentence.
    pub fn config(message: impl Into<String>) -> Self {
        Self::Config(message.into().into())
    }

    /// A failure of a backend. Never put a password into the message.
    pub fn backend(message: impl std::fmt::Display) -> Self {
        Self::Backend(message.to_string().into())
    }

    /// The backend `backend` as a whole cannot be reached. Never put a password into the reason.
    pub fn unavailable(backend: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { backend, reason: reason.to_string().into() }
    }

    /// The command `command` is beyond the backend `backend`.
    pub const fn unsupported(backend: &'static str, command: &'static str) -> Self {
        Self::Unsupported { backend, command }
    }

    pub(crate) fn codec(type_name: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Codec { type_name, reason: reason.to_string().into() }
    }

    pub(crate) fn hidden(message: impl std::fmt::Display) -> Self {
        Self::Hidden(message.to_string().into())
    }

    /// A refusal by a rate limit.
    pub const fn rate_limited(retry_after: Duration) -> Self {
        Self::RateLimited { retry_after }
    }

    /// A refusal by an open circuit breaker.
    pub const fn circuit_open(retry_after: Duration) -> Self {
        Self::CircuitOpen { retry_after }
    }

    /// A refusal while the function is spared because it was slow.
    pub const fn degraded(retry_after: Duration) -> Self {
        Self::Degraded { retry_after }
    }

    /// What is stored could not be read: damaged, forged, or written by another program or for another type. Takes the
    /// place of a value nowhere: it is a miss, and the error of an event.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Codec { .. } | Self::Unreadable(_))
    }

    /// How long to wait before the same call can succeed, where that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after }
            | Self::CircuitOpen { retry_after }
            | Self::Degraded { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The set-up is at fault, not the moment: trying again cannot help.
    pub const fn is_config(&self) -> bool {
        matches!(self, Self::Config(_))
    }

    /// Nobody answered: the backend cannot be reached, or not in time. Another command would most likely meet the same.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Timeout { .. })
    }

    /// A command was refused because the backend lacks it.
    pub const fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }
}

impl From<Unreadable> for Error {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

/// `std::result::Result` with macadamia's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_can_be_shared_and_sent() {
        fn check<T: Clone + Send + Sync + 'static>() {}
        check::<Error>();
    }

    #[test]
    fn messages_are_lower_case_and_name_the_culprit() {
        assert_eq!(
            Error::unsupported("memcached", "scan").to_string(),
            "the memcached backend does not support scan"
        );
    }
}
