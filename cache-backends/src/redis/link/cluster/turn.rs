//! What an error means to who looks for the server of a key.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::place::Address;
use crate::redis::fault;

/// What to do after an error.
pub(super) enum Turn {
    /// The slot is another server's.
    Moved(Address),
    /// The slot is on its way, and what was asked about is not here any more, or not yet anywhere.
    Ask(Address),
    /// Half of what was asked about has moved.
    Again,
    /// This server does not serve; another may in its place, soon.
    Gone,
    /// None serves.
    Down,
    /// It is an answer.
    Answer,
}

impl Turn {
    pub(super) fn after(error: &RedisError, from: &Address) -> Self {
        let redirect = || Address::redirected(error.redirect_node()?.0, from);
        match error.kind() {
            ErrorKind::Server(kind) => match (kind, redirect()) {
                (ServerErrorKind::Moved, Some(address)) => Self::Moved(address),
                (ServerErrorKind::Ask, Some(address)) => Self::Ask(address),
                (ServerErrorKind::TryAgain, _) => Self::Again,
                (ServerErrorKind::ClusterDown, _) => Self::Down,
                (
                    ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading,
                    _,
                ) => Self::Gone,
                _ => Self::Answer,
            },
            _ if fault::is_lost(error) => Self::Gone,
            _ => Self::Answer,
        }
    }
}
