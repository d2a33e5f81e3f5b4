//! Where keys may lie: what each server says of itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use redis::Value;

use super::place::Address;
use super::{Cluster, Failure};
use crate::redis::fault;
use crate::redis::link::Node;
use crate::redis::link::pool::Pool;

/// How many slots are served where all are.
const SLOTS: usize = 16_384;

/// The servers on which keys may lie, and which slots each says it has.
#[derive(Debug, Default)]
pub(in crate::redis) struct Census {
    nodes: Vec<Node>,
    masters: BTreeSet<Own>,
}

/// What a server says of itself: who it is, and its slots, with those that are on their way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    id: String,
    slots: Vec<String>,
}

/// A line of `CLUSTER NODES`.
#[derive(Debug)]
struct Line<'l> {
    id: &'l str,
    address: &'l str,
    is_own: bool,
    slots: Vec<&'l str>,
}

impl Census {
    /// Of a server that is all there is.
    pub(in crate::redis) fn of(node: Node) -> Self {
        Self { nodes: vec![node], masters: BTreeSet::new() }
    }

    pub(in crate::redis) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether nothing has moved from one to another in between.
    pub(in crate::redis) fn has_same_slots(&self, other: &Self) -> bool {
        self.masters == other.masters
    }

    /// Whether a slot is on its way.
    pub(in crate::redis) fn is_moving(&self) -> bool {
        self.masters.iter().any(|own| own.slots.iter().any(|slot| slot.starts_with('[')))
    }
}

impl Cluster {
    /// Asks every master what it has. Keys of a slot that is on its way may be where it goes already.
    pub(in crate::redis::link) async fn census(self: &Arc<Self>) -> Result<Census, Failure> {
        let pools = self.look().await?.masters().to_vec();
        let mut census = Census::default();
        let (mut served, mut goals) = (0, BTreeSet::new());
        let mut known = Vec::new();
        for answer in join_all(pools.iter().map(|pool| self.ask_for_nodes(pool))).await {
            let text = answer?;
            let lines: Vec<Line<'_>> = text.lines().filter_map(Line::read).collect();
            for line in lines {
                if line.is_own {
                    served += line.slots.iter().map(|slot| count(slot)).sum::<usize>();
                    goals.extend(line.slots.iter().filter_map(|slot| goal(slot)).map(str::to_owned));
                    let slots = line.slots.iter().map(ToString::to_string).collect();
                    census.masters.insert(Own { id: line.id.to_owned(), slots });
                } else {
                    known.push((line.id.to_owned(), line.address.to_owned()));
                }
            }
        }
        if served < SLOTS {
            self.look_again();
            let unserved = SLOTS - served;
            return Err(fault::unreachable(format_args!("nobody says it has {unserved} of the slots")).into());
        }
        goals.retain(|id| census.masters.iter().all(|own| own.id != *id));
        census.nodes = pools.into_iter().map(Node).collect();
        for id in goals {
            let place = known.iter().find(|(known, _)| *known == id).map(|(_, address)| address.as_str());
            let address = place.and_then(|place| place.split('@').next());
            let from = self.settings.address();
            let Some(address) = address.and_then(|address| Address::redirected(address, &from)) else {
                return Err(fault::unreachable("a slot is on its way to nobody knows where").into());
            };
            census.nodes.push(Node(self.pool(&address)));
        }
        Ok(census)
    }

    async fn ask_for_nodes(self: &Arc<Self>, pool: &Arc<Pool>) -> Result<String, Failure> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("NODES");
        let answer = self.ask_one(pool, &command).await?;
        match answer {
            Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Value::VerbatimString { text, .. } | Value::SimpleString(text) => Ok(text),
            other => Err(fault::unexpected("CLUSTER NODES", &other).into()),
        }
    }
}

impl<'l> Line<'l> {
    /// `<id> <host:port@bus[,name]> <flags> <master> <ping> <pong> <epoch> <link> <slot|first-last|[moving]>…`
    fn read(line: &'l str) -> Option<Self> {
        let mut words = line.split(' ');
        let (id, address, flags) = (words.next()?, words.next()?, words.next()?);
        let is_own = flags.split(',').any(|flag| flag == "myself");
        Some(Self { id, address, is_own, slots: words.skip(5).collect() })
    }
}

/// How many slots `7` and `7-9` are; what stands in brackets comes beside them.
fn count(slots: &str) -> usize {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (last + 1).saturating_sub(first),
        _ => 0,
    }
}

/// To whom `[7->-<id>]` goes.
fn goal(slot: &str) -> Option<&str> {
    slot.strip_prefix('[')?.strip_suffix(']')?.split_once("->-").map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_what_it_has_and_what_is_on_its_way() {
        let line = "67ed 127.0.0.1:30002@31002,name myself,master - 0 1426 2 connected 5461-10922 12 [93->-292f] [77-<-e7d1]";
        let line = Line::read(line).unwrap();
        assert!(line.is_own);
        assert_eq!((line.id, line.address), ("67ed", "127.0.0.1:30002@31002,name"));
        assert_eq!(line.slots.iter().map(|slots| count(slots)).sum::<usize>(), 5_463);
        assert_eq!(line.slots.iter().filter_map(|slots| goal(slots)).collect::<Vec<_>>(), ["292f"]);
        assert!(Line::read("").is_none());
    }
}
