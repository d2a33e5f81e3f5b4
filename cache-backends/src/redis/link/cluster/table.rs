//! Who has which slot.

use std::sync::Arc;

use redis::Value;

use super::place::Address;
use crate::redis::link::pool::Pool;

const SLOTS: usize = 16_384;

/// In place of a master, where a slot has none.
const NONE: u16 = u16::MAX;

/// Who has which slot.
#[derive(Debug)]
pub(super) struct Table {
    masters: Vec<Arc<Pool>>,
    /// Of each slot the position in `masters`.
    owners: Box<[u16]>,
}

/// A range of slots as a server tells it, and its servers: the master first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u16,
    last: u16,
    pub(super) servers: Vec<Address>,
}

impl Table {
    pub(super) fn new(ranges: &[Range], mut pool: impl FnMut(&Address) -> Arc<Pool>) -> Self {
        let mut table = Self { masters: Vec::new(), owners: vec![NONE; SLOTS].into_boxed_slice() };
        for range in ranges {
            if let Some(master) = range.servers.first() {
                let master = pool(master);
                (range.first..=range.last).for_each(|slot| table.give(slot, &master));
            }
        }
        table
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Pool>> {
        let owner = self.owners.get(usize::from(slot))?;
        self.masters.get(usize::from(*owner))
    }

    /// A slot that it has.
    pub(super) fn slot_of(&self, pool: &Arc<Pool>) -> Option<u16> {
        let master = self.masters.iter().position(|master| Arc::ptr_eq(master, pool))?;
        let slot = self.owners.iter().position(|owner| usize::from(*owner) == master)?;
        u16::try_from(slot).ok()
    }

    pub(super) fn masters(&self) -> &[Arc<Pool>] {
        &self.masters
    }

    /// The same with one slot elsewhere.
    pub(super) fn with(&self, slot: u16, owner: &Arc<Pool>) -> Self {
        let mut table = Self { masters: self.masters.clone(), owners: self.owners.clone() };
        table.give(slot, owner);
        table
    }

    fn give(&mut self, slot: u16, owner: &Arc<Pool>) {
        let known = self.masters.iter().position(|master| Arc::ptr_eq(master, owner));
        let owner = known.unwrap_or_else(|| {
            self.masters.push(Arc::clone(owner));
            self.masters.len() - 1
        });
        if let (Some(place), Ok(owner)) = (self.owners.get_mut(usize::from(slot)), u16::try_from(owner)) {
            *place = owner;
        }
    }
}

impl Range {
    /// What `CLUSTER SLOTS` answers: `[first, last, [host, port, …], …]…`; `None` if it is something else.
    pub(super) fn read(answer: &Value, from: &Address) -> Option<Vec<Self>> {
        list(answer)?
            .iter()
            .map(|range| {
                let [first, last, servers @ ..] = list(range)? else { return None };
                let servers = servers.iter().map(|server| {
                    let [host, port, ..] = list(server)? else { return None };
                    Some(Address::told(text(host)?, number(port)?, from))
                });
                Some(Self {
                    first: number(first)?,
                    last: number(last)?,
                    servers: servers.collect::<Option<_>>()?,
                })
            })
            .collect()
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Nil => Some(""),
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    fn server(host: Option<&str>, port: i64) -> Value {
        let host = host.map_or(Value::Nil, |host| Value::BulkString(host.as_bytes().to_vec()));
        Value::Array(vec![host, Value::Int(port), Value::SimpleString("id".to_owned()), Value::Array(vec![])])
    }

    #[test]
    fn ranges_are_read_with_their_servers() {
        let from = address("seed", 7_000);
        let answer = Value::Array(vec![
            Value::Array(vec![
                Value::Int(0),
                Value::Int(8_191),
                server(Some("10.0.0.1"), 1),
                server(None, 2),
            ]),
            Value::Array(vec![Value::Int(8_192), Value::Int(16_383), server(Some("?"), 3)]),
        ]);
        let ranges = [
            Range { first: 0, last: 8_191, servers: vec![address("10.0.0.1", 1), address("seed", 2)] },
            Range { first: 8_192, last: 16_383, servers: vec![address("seed", 3)] },
        ];
        assert_eq!(Range::read(&answer, &from).as_deref(), Some(&ranges[..]));
        assert_eq!(Range::read(&Value::Array(vec![]), &from), Some(vec![]));
        for other in
            [Value::Okay, Value::Array(vec![Value::Int(1)]), Value::Array(vec![Value::Array(vec![])])]
        {
            assert_eq!(Range::read(&other, &from), None);
        }
    }
}
