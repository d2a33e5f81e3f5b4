//! Commands that somebody else has thought of: where they are to be asked.

use cache_core::Result;
use futures_util::future::join_all;
use redis::{Arg, Cmd, Value};

use super::{Lane, Link};

/// What is asked of every server that has keys, and put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// The sum of numbers.
    Sum,
    /// One list of all.
    List,
}

impl Whole {
    fn of(command: &Cmd) -> Option<Self> {
        let Some(Arg::Simple(name)) = command.args_iter().next() else { return None };
        match name.to_ascii_uppercase().as_slice() {
            b"DBSIZE" => Some(Self::Sum),
            b"KEYS" => Some(Self::List),
            _ => None,
        }
    }

    fn together(self, answers: Vec<Value>) -> Value {
        match self {
            Self::Sum => {
                Value::Int(answers.iter().map(|answer| if let Value::Int(n) = answer { *n } else { 0 }).sum())
            }
            Self::List => {
                let items = |answer| if let Value::Array(items) = answer { items } else { Vec::new() };
                Value::Array(answers.into_iter().flat_map(items).collect())
            }
        }
    }
}

impl Link {
    /// A command as it is. Of a cluster: to the server that has its first key, as the servers themselves know which of
    /// its words that is; `KEYS` and `DBSIZE` to all that have keys; whatever names no key to one of them.
    pub(in crate::redis) async fn pass_on(&self, verb: &'static str, command: Cmd) -> Result<Value> {
        if matches!(self, Self::One(_)) {
            return self.ask(Lane::Write, b"", verb, command).await;
        }
        if let Some(whole) = Whole::of(&command) {
            let nodes = self.nodes().await?;
            let answers = join_all(nodes.iter().map(|node| self.ask_node(node, verb, command.clone()))).await;
            return Ok(whole.together(answers.into_iter().collect::<Result<_>>()?));
        }
        let mut asking = redis::cmd("COMMAND");
        asking.arg("GETKEYS");
        for word in command.args_iter() {
            if let Arg::Simple(word) = word {
                asking.arg(word);
            }
        }
        match self.ask_any(verb, asking).await {
            Ok(Value::Array(keys)) => match keys.into_iter().next() {
                Some(Value::BulkString(key)) => self.ask(Lane::Write, &key, verb, command).await,
                _ => self.ask_any(verb, command).await,
            },
            Err(error) if error.is_unavailable() => Err(error),
            // It has no keys, or is no command.
            _ => self.ask_any(verb, command).await,
        }
    }
}
