//! What one node knows of the others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::Redis;

/// The lines of `CLUSTER NODES`, without nodes that are dead or not yet met.
#[derive(Debug)]
pub(super) struct Table {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    name: String,
    port: u16,
    /// Whose replica it is.
    master: Option<String>,
    slots: Vec<RangeInclusive<u16>>,
}

impl Table {
    pub(super) fn of(node: &Redis) -> Self {
        Self::if_lives(node).unwrap_or_else(|| panic!("the node at {} is dead", node.port()))
    }

    pub(super) fn if_lives(node: &Redis) -> Option<Self> {
        let text = node.try_command(&["CLUSTER", "NODES"]).ok()?.text();
        Some(Self { nodes: text.lines().filter_map(line).collect() })
    }

    pub(super) fn owner(&self, slot: u16) -> Option<String> {
        let has = |node: &&Node| node.slots.iter().any(|slots| slots.contains(&slot));
        self.nodes.iter().find(has).map(|node| node.name.clone())
    }

    pub(super) fn owners(&self) -> BTreeMap<u16, String> {
        let ranges = |node: &Node| {
            let name = node.name.clone();
            node.slots.clone().into_iter().map(move |slots| (*slots.start(), format!("{slots:?} {name}")))
        };
        self.nodes.iter().flat_map(ranges).collect()
    }

    pub(super) fn slots(&self, name: &str) -> Vec<RangeInclusive<u16>> {
        self.nodes.iter().filter(|node| node.name == name).flat_map(|node| node.slots.clone()).collect()
    }

    pub(super) fn masters(&self) -> Vec<String> {
        self.nodes.iter().filter(|node| !node.slots.is_empty()).map(|node| node.name.clone()).collect()
    }

    pub(super) fn replicas(&self, master: &str) -> Vec<String> {
        let replicates = |node: &&Node| node.master.as_deref() == Some(master);
        self.nodes.iter().filter(replicates).map(|node| node.name.clone()).collect()
    }

    pub(super) fn replica_count(&self) -> usize {
        self.nodes.iter().filter(|node| node.master.is_some()).count()
    }

    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.nodes.iter().find(|node| node.name == name).map(|node| node.port)
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.port(name).is_some()
    }
}

/// `<id> <ip:port@bus[,host]> <flags> <master> <ping> <pong> <epoch> <link> <slot|first-last|[moving]>…`
fn line(line: &str) -> Option<Node> {
    let words: Vec<_> = line.split(' ').collect();
    let [name, address, flags, master, ..] = words[..] else { return None };
    if flags.split(',').any(|flag| ["fail", "fail?", "handshake", "noaddr"].contains(&flag)) {
        return None;
    }
    let port = address.split('@').next()?.rsplit(':').next()?.parse().ok()?;
    let master = (master != "-").then(|| master.to_owned());
    let slots = words.iter().skip(8).filter_map(|word| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    Some(Node { name: name.to_owned(), port, master, slots: slots.collect() })
}
