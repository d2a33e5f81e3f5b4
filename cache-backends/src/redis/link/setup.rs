//! What is said first on a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, Value};

use super::Listener;
use super::company::Company;
use super::life::{Ear, Life};
use super::wire::Wire;
use crate::redis::clock::{ServerClock, Source};
use crate::redis::fault;
use crate::redis::settings::Settings;

/// How the server lists our connections, for people who look.
const NAME: &str = "macadamia";

/// Within this the time is told well enough, and it is asked for so often again if not.
const QUICK: Duration = Duration::from_millis(20);
const AGAIN: usize = 3;

/// Who a connection is to the server: enough to end it from another one, and never one of somebody else's. A server
/// that was started again counts from one again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    id: String,
    address: String,
}

/// Opens a connection, and has its predecessor ended by the server before it is used: what lies in an old socket must
/// not be done after what is asked on the new one.
pub(super) async fn open(
    settings: &Settings,
    (clock, source): (&Arc<ServerClock>, Source),
    listener: Option<Arc<dyn Listener>>,
    number: u64,
    predecessor: Option<&Peer>,
    company: &Arc<Company>,
) -> Result<Wire> {
    let term = company.term();
    let life = Arc::new(Life::new(number, listener.clone()));
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.create_connection_timeout))
        .set_response_timeout(None)
        .set_push_sender(Ear(Arc::clone(&life)));
    let client = settings.client()?;
    let begun = Instant::now();
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.map_err(|error| fault::of_connecting(&settings.place, &error))?;

    let greetings = listener.map(|listener| listener.greetings()).unwrap_or_default();
    let talk = introduce(&mut connection, predecessor, &greetings);
    let left = settings.create_connection_timeout.saturating_sub(begun.elapsed());
    let (answers, sent, received) = match tokio::time::timeout(left, talk).await {
        Ok(answers) => answers.map_err(|error| fault::of_connecting(&settings.place, &error))?,
        Err(_) => {
            return Err(fault::unreachable(format_args!(
                "{}: it took the connection and said nothing",
                settings.place
            )));
        }
    };
    if let Some(killed) = predecessor.and_then(|_| answers.last()) {
        was_ended(killed).map_err(|error| fault::of_connecting(&settings.place, &error))?;
    }
    let mut answers = answers.into_iter();
    let peer = answers.next().and_then(|answer| Peer::read(&answer));
    if let Some(time) = answers.next().and_then(|answer| fault::read_time(&answer)) {
        let told = Told { time, sent, received };
        let Told { time, sent, received } =
            told.or_sooner(&mut connection, begun + settings.create_connection_timeout).await;
        clock.learn(source, time, sent, received);
        company.time_was_asked(clock.coarse());
    }
    let is_of_replica = answers.next().is_some_and(|answer| is_replica(&answer));
    let greeted = answers.skip(1).take(greetings.len()).all(|answer| !is_refusal(&answer));
    let wire = Wire::new(
        connection,
        Arc::clone(&life),
        peer,
        Arc::clone(company),
        is_of_replica,
        (Arc::clone(clock), source),
    );
    if !company.join(&life, term) {
        return Err(fault::unreachable(format_args!("{}: it is not the master any more", settings.place)));
    }
    life.begin(greeted);
    Ok(wire)
}

/// `CLIENT INFO`, `TIME`, `HELLO`, `CLIENT SETNAME`, greetings, `CLIENT KILL`; a refusal is among the answers. None of them is
/// needed: a user who may not say them can still be served.
async fn introduce(
    connection: &mut MultiplexedConnection,
    predecessor: Option<&Peer>,
    greetings: &[redis::Cmd],
) -> RedisResult<(Vec<Value>, Instant, Instant)> {
    let mut pipe = redis::pipe();
    pipe.cmd("CLIENT").arg("INFO");
    pipe.cmd("TIME");
    pipe.cmd("HELLO");
    pipe.cmd("CLIENT").arg("SETNAME").arg(NAME);
    for greeting in greetings {
        pipe.add_command(greeting.clone());
    }
    if let Some(Peer { id, address }) = predecessor {
        pipe.cmd("CLIENT").arg("KILL").arg("ID").arg(id).arg("ADDR").arg(address);
    }
    let (sent, count) = (Instant::now(), pipe.len());
    let answers = connection.send_packed_commands(&pipe, 0, count).await?;
    let received = Instant::now();
    Ok((answers, sent, received))
}

/// What time it was, between two moments.
#[derive(Clone, Copy)]
struct Told {
    time: u64,
    sent: Instant,
    received: Instant,
}

impl Told {
    /// An answer that took long tells little: it is asked for again, and the quickest is believed.
    async fn or_sooner(self, connection: &mut MultiplexedConnection, until: Instant) -> Self {
        let mut best = self;
        for _ in 0..AGAIN {
            let sent = Instant::now();
            if best.took() < QUICK || sent + best.took() > until {
                break;
            }
            let Ok(Ok(answer)) =
                tokio::time::timeout(best.took(), connection.send_packed_command(&redis::cmd("TIME"))).await
            else {
                continue;
            };
            if let Some(time) = fault::read_time(&answer) {
                best = Self { time, sent, received: Instant::now() };
            }
        }
        best
    }

    fn took(self) -> Duration {
        self.received.duration_since(self.sent)
    }
}

/// Whether that is what a replica says to `HELLO`, which all users may say.
pub(super) fn is_replica(answer: &Value) -> bool {
    let is = |value: &Value, text: &str| match value {
        Value::BulkString(bytes) => bytes == text.as_bytes(),
        Value::SimpleString(said) => said == text,
        _ => false,
    };
    match answer {
        Value::Map(pairs) => pairs.iter().any(|(name, value)| is(name, "role") && !is(value, "master")),
        Value::Array(words) => words
            .chunks(2)
            .any(|pair| matches!(pair, [name, value] if is(name, "role") && !is(value, "master"))),
        _ => false,
    }
}

/// Whether the connection before this can do nothing any more. Where this user may not end it, or no server of this kind
/// can, there is nothing to wait for; whatever else is said against it will pass, and until then this one is not used.
fn was_ended(killed: &Value) -> RedisResult<()> {
    match killed.clone().extract_error() {
        Err(error) if !matches!(error.code(), Some("NOPERM" | "ERR")) => Err(error),
        _ => Ok(()),
    }
}

const fn is_refusal(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(_))
}

impl Peer {
    /// Whether the address is this connection's alone, as a port is and a path is not.
    pub(super) fn has_own_address(&self) -> bool {
        !self.address.ends_with(":0")
    }

    /// From a line such as `id=7 addr=127.0.0.1:50312 laddr=… name=…`.
    fn read(answer: &Value) -> Option<Self> {
        let line = match answer {
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
            Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
            _ => return None,
        };
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        Some(Self { id: field("id")?, address: field("addr")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predecessor_that_the_server_cannot_end_now_is_tried_again() {
        let said = |line: &str| redis::parse_redis_value(format!("{line}\r\n").as_bytes()).unwrap();
        for line in [":1", ":0", "+OK", "-NOPERM not you", "-ERR unknown subcommand"] {
            assert!(was_ended(&said(line)).is_ok(), "{line}");
        }
        for line in ["-BUSY Redis is busy running a script.", "-LOADING Redis is loading", "-NOAUTH first"] {
            assert!(was_ended(&said(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn a_connection_knows_itself_by_what_the_server_says() {
        let said = Value::VerbatimString {
            format: redis::VerbatimFormat::Text,
            text: "id=7 addr=127.0.0.1:50312 laddr=127.0.0.1:6379 fd=8 name= age=0\n".to_owned(),
        };
        let peer = Peer { id: "7".to_owned(), address: "127.0.0.1:50312".to_owned() };
        assert_eq!(Peer::read(&said), Some(peer));
        assert_eq!(Peer::read(&Value::Nil), None);
    }
}
