//! What can go wrong at a desk.

use std::path::Path;

use cache_core::Error;
use rusqlite::ErrorCode;

/// Why a job came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// An answer to who asked; nothing was changed, and nothing is wrong with the database.
    Answer(Error),
    /// The database failed: what the transaction did is undone.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Answer(error)
    }
}

impl Fault {
    /// As the caller is told; `path` is where.
    pub(super) fn told(&self, path: &Path) -> Error {
        match self {
            Self::Answer(error) => error.clone(),
            Self::Database(error) => at(path, error),
        }
    }

    /// Whether the connection is of no use any more.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::SchemaChanged
            )
        )
    }

    /// Whether the disk has no room.
    pub(super) fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether somebody else holds the database.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Database(error) if is_busy(error))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Database(error) => error.sqlite_error_code(),
            Self::Answer(_) => None,
        }
    }
}

/// Whether somebody else holds the database.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// A failure at a path, readable.
pub(super) fn at(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::backend(format_args!("{}: {reason}", path.display()))
}
