//! Why there is no answer, before it is known what that means to who asked.

use cache_core::Error;
use redis::RedisError;

use crate::redis::fault;

/// No answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no connection.
    Unreached(Error),
    /// The server refuses this command, whatever it says otherwise.
    Refused(Error),
    /// What the client or the server says.
    Said(RedisError),
}

impl Failure {
    /// What became of the command `verb`.
    pub(super) fn of(self, verb: &'static str) -> Error {
        match self {
            Self::Unreached(error) | Self::Refused(error) => error,
            Self::Said(error) => fault::of(verb, &error),
        }
    }

    /// Whether the command is about several keys of which some have moved.
    pub(super) fn is_try_again(&self) -> bool {
        matches!(self, Self::Said(error) if fault::is_try_again(error))
    }

    pub(super) fn is_no_script(&self) -> bool {
        matches!(self, Self::Said(error) if fault::is_no_script(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unreached(error)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Said(error)
    }
}
