//! What the client reports, in the words of a cache.

use cache_core::Error;
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use super::settings::Place;

/// As in the scheme of its URL.
pub(super) const NAME: &str = "redis";

/// The server as a whole cannot be reached.
pub(super) fn unreachable(reason: impl std::fmt::Display) -> Error {
    Error::unavailable(NAME, reason)
}

/// Why there is no connection to this place. Whatever it was, no other command would fare better.
pub(super) fn of_connecting(place: &Place, error: &RedisError) -> Error {
    unreachable(format_args!("{place}: {}", said(error)))
}

/// What became of the command `verb`.
pub(super) fn of(verb: &'static str, error: &RedisError) -> Error {
    match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly,
        )
        | ErrorKind::AuthenticationFailed
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Io => unreachable(said(error)),
        ErrorKind::Server(ServerErrorKind::NoPerm) if is_about_the_command(error) => {
            Error::unsupported(NAME, verb)
        }
        _ if is_about_the_command_in_a_script(error) => Error::unsupported(NAME, verb),
        _ if is_lost(error) => unreachable(said(error)),
        _ if is_read_only(error) => unreachable(said(error)),
        // Busy with somebody's script: it answers, and does nothing.
        _ if matches!(error.code(), Some("BUSY" | "NOAUTH")) => unreachable(said(error)),
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

pub(super) fn is_try_again(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain)
}

pub(super) fn is_no_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

pub(super) fn is_read_only(error: &RedisError) -> bool {
    // Before version 7 what a script was told is in the text.
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.detail().is_some_and(|detail| detail.contains("-READONLY "))
}

/// What the user may not do is the command, whatever the key.
fn is_about_the_command(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("permissions to run the"))
}

fn is_about_the_command_in_a_script(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("can't run this command"))
}

/// In the server's words where it said something. Neither the server nor the client repeats a password.
pub(super) fn said(error: &RedisError) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As the server says it.
    fn told(line: &str) -> Error {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        of("get", &value.extract_error().unwrap_err())
    }

    #[test]
    fn a_server_that_can_do_nothing_now_is_unavailable() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "ERR Error running script (call to f_1): @user_script:3: -READONLY You can't write against a read only replica.",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "CLUSTERDOWN The cluster is down",
            "BUSY Redis is busy running a script.",
            "NOAUTH Authentication required.",
        ] {
            let error = told(line);
            assert!(
                matches!(&error, Error::Unavailable { reason, .. } if !reason.is_empty()),
                "{line}: {error:?}"
            );
        }
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(of("get", &broken).is_unavailable() && is_lost(&broken));
    }

    #[test]
    fn a_server_that_refuses_one_command_is_there() {
        for line in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "NOPERM this user has no permissions to access one of the keys used as arguments",
            "ERR unknown command 'NOSUCH'",
            "NOREPLICAS Not enough good replicas to write.",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        ] {
            let error = told(line);
            let word = line.split(' ').next().unwrap_or_default();
            assert!(matches!(&error, Error::Backend(said) if said.starts_with(word)), "{line}: {error:?}");
        }
    }

    #[test]
    fn what_a_user_may_not_say_at_all_is_unsupported() {
        for line in [
            "NOPERM this user has no permissions to run the 'scan' command",
            "NOPERM User default has no permissions to run the 'scan' command",
            "ERR The user executing the script can't run this command or subcommand script: 5f, on @user_script:7.",
        ] {
            let error = told(line);
            assert!(matches!(error, Error::Unsupported { command: "get", .. }), "{line}: {error:?}");
        }
    }
}
