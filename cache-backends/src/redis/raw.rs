//! Commands that are passed on as they are.

use bytes::Bytes;
use cache_core::{Error, Reply, Result};
use redis::Value;

use super::fault;
use super::store::Store;

/// What changes a connection that others use too, or keeps it to itself until something happens.
const NOT_HERE: &[&str] = &[
    "AUTH",
    "ASKING",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
];

/// What may be said of `CLIENT`, since it only tells.
const TELLS: &[&str] = &["GETNAME", "ID", "INFO", "KILL", "LIST", "TRACKINGINFO"];

impl Store {
    pub(super) async fn raw(&self, command: &str, args: &[&[u8]]) -> Result<Reply> {
        if !is_for_all(command, args) {
            return Err(Error::backend(format_args!(
                "`{command}` is about a connection, and all commands share those of the cache: open one of your own"
            )));
        }
        // `CONFIG GET` may be written as one.
        let mut words = command.split_ascii_whitespace();
        let mut cmd = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            cmd.arg(word);
        });
        args.iter().for_each(|arg| {
            cmd.arg(*arg);
        });
        Ok(reply(self.link.pass_on("raw", cmd).await?))
    }

    pub(super) async fn ping(&self, message: &str) -> Result<String> {
        let mut command = redis::cmd("PING");
        command.arg(message);
        match self.link.ask_any("ping", command).await? {
            Value::BulkString(bytes) => {
                String::from_utf8(bytes).map_err(|_| Error::backend("PING was answered by something else"))
            }
            Value::SimpleString(text) => Ok(text),
            other => Err(fault::unexpected("PING", &other)),
        }
    }

    /// Empties every database of the server, whoever put what is there.
    pub(super) async fn flush_all(&self) -> Result<()> {
        for node in self.link.nodes().await? {
            // What is gone is gone at once; `ASYNC` is only how its memory is given back.
            let mut command = redis::cmd("FLUSHALL");
            command.arg("ASYNC");
            self.link.ask_node(&node, "flush_all", command).await?;
        }
        self.states.forget_all();
        Ok(())
    }
}

fn is_for_all(command: &str, args: &[&[u8]]) -> bool {
    let mut words = command.split_ascii_whitespace().map(str::as_bytes).chain(args.iter().copied());
    let is_one =
        |word: &[u8], of: &[&str]| of.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    let Some(name) = words.next() else { return false };
    if name.eq_ignore_ascii_case(b"CLIENT") {
        return words.next().is_some_and(|word| is_one(word, TELLS));
    }
    let waits = name.to_ascii_uppercase().starts_with(b"XREAD") && words.any(|word| is_one(word, &["BLOCK"]));
    !is_one(name, NOT_HERE) && !waits
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::Double(number) => Reply::Float(number),
        Value::Boolean(is) => Reply::Bool(is),
        Value::Okay => Reply::Status("OK".to_owned()),
        Value::SimpleString(word) => Reply::Status(word),
        Value::BulkString(bytes) => Reply::Bytes(bytes.into()),
        Value::VerbatimString { text, .. } => Reply::Bytes(text.into_bytes().into()),
        Value::BigNumber(digits) => Reply::Bytes(Bytes::from(digits)),
        Value::Array(values) | Value::Set(values) | Value::Push { data: values, .. } => {
            Reply::List(values.into_iter().map(reply).collect())
        }
        Value::Map(pairs) => {
            Reply::Map(pairs.into_iter().map(|(name, value)| (reply(name), reply(value))).collect())
        }
        Value::Attribute { data, .. } => reply(*data),
        other => Reply::Status(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_a_connection_is_not_passed_on() {
        for (command, args, is_passed) in [
            ("GET", vec![&b"k"[..]], true),
            ("config", vec![b"GET", b"save"], true),
            ("CONFIG GET", vec![b"save"], true),
            ("select", vec![b"1"], false),
            ("CLIENT", vec![b"list"], true),
            ("CLIENT LIST", vec![], true),
            ("CLIENT", vec![b"REPLY", b"OFF"], false),
            ("CLIENT", vec![], false),
            ("XREAD", vec![b"STREAMS", b"s", b"0"], true),
            ("XREAD", vec![b"block", b"0", b"STREAMS", b"s", b"0"], false),
            ("", vec![], false),
        ] {
            assert_eq!(is_for_all(command, &args), is_passed, "{command} {args:?}");
        }
    }
}
