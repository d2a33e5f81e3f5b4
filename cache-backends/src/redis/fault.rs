//! What the client reports, in the words of a cache.

use cache_core::Error;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

/// As in the scheme of its URL.
pub(super) const NAME: &str = "redis";

/// The server as a whole cannot be reached.
pub(super) fn unreachable(reason: impl std::fmt::Display) -> Error {
    Error::unavailable(NAME, reason)
}

/// Why there is no connection. Whatever it was, no other command would fare better.
pub(super) fn of_connecting(error: &RedisError) -> Error {
    unreachable(said(error))
}

/// What became of the command `verb`.
pub(super) fn of(verb: &'static str, error: &RedisError) -> Error {
    match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::TryAgain,
        )
        | ErrorKind::AuthenticationFailed
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Io => unreachable(said(error)),
        ErrorKind::Server(ServerErrorKind::NoPerm) if is_about_the_command(error) => {
            Error::unsupported(NAME, verb)
        }
        _ if is_about_the_command_in_a_script(error) => Error::unsupported(NAME, verb),
        _ if is_lost(error) => unreachable(said(error)),
        // Busy with somebody's script, or without the replicas it is told to write to: it answers, and does nothing.
        _ if matches!(error.code(), Some("BUSY" | "NOAUTH" | "NOREPLICAS")) => unreachable(said(error)),
        _ => Error::backend(said(error)),
    }
}

/// An answer of another shape than the command has.
pub(super) fn unexpected(command: &str, answer: &Value) -> Error {
    let shape = match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) | Value::Okay | Value::VerbatimString { .. } => {
            "a text"
        }
        Value::Array(_) | Value::Set(_) => "a list",
        Value::Map(_) => "a map",
        _ => "something else",
    };
    Error::backend(format_args!("{command} was answered by {shape}"))
}

/// The connection is of no use any more.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_connection_dropped() || error.is_timeout()
}

pub(super) fn is_no_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

pub(super) fn is_read_only(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// What the user may not do is the command, whatever the key.
fn is_about_the_command(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("permissions to run the"))
}

fn is_about_the_command_in_a_script(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("can't run this command"))
}

/// In the server's words where it said something. Neither the server nor the client repeats a password.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// The time as `TIME` tells it, in nanoseconds since 1970.
pub(super) fn read_time(answer: &Value) -> Option<u64> {
    let Value::Array(parts) = answer else { return None };
    let number = |part: &Value| match part {
        Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    let [seconds, micros] = parts.as_slice() else { return None };
    number(seconds)?.checked_mul(1_000_000_000)?.checked_add(number(micros)?.checked_mul(1_000)?)
}
