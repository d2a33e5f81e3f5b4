//! Several servers that share the keys.

mod moving;
mod slots;
mod table;

use std::ops::RangeInclusive;
use std::thread;

use crate::{Redis, Reply, until};

pub use slots::slot_of;
use table::Table;

/// A cluster of real servers, each with a directory of its own; they are stopped when it is dropped.
///
/// A master that is dead is missed after a second, and its replica takes over about a second later.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// So many masters that share the slots evenly, and so many replicas, dealt out in turn.
    ///
    /// # Panics
    ///
    /// When they are not one cluster within half a minute.
    pub fn start(masters: usize, replicas: usize) -> Self {
        assert!(masters > 0, "a cluster has a master");
        let starting: Vec<_> = (0..masters + replicas).map(|_| thread::spawn(node)).collect();
        let nodes =
            starting.into_iter().map(|node| node.join().unwrap_or_else(|_| panic!("no node"))).collect();
        let cluster = Self { nodes };
        cluster.share_slots(masters);
        cluster.meet();
        cluster.replicate(masters);
        cluster.wait();
        cluster
    }

    /// All nodes, in the order they were started: those that began as masters first.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Where each node is.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Who has the slot now.
    ///
    /// # Panics
    ///
    /// When nobody who lives knows of a master.
    pub fn master_of(&self, slot: u16) -> &Redis {
        let table = self.table();
        let owner = table.owner(slot).unwrap_or_else(|| panic!("nobody has slot {slot}"));
        self.at(table.port(&owner))
    }

    /// The replicas of who has the slot now.
    pub fn replicas_of(&self, slot: u16) -> Vec<&Redis> {
        let table = self.table();
        let owner = table.owner(slot).unwrap_or_default();
        table.replicas(&owner).iter().map(|name| self.at(table.port(name))).collect()
    }

    /// The slots of a master.
    pub fn slots_of(&self, master: &Redis) -> Vec<RangeInclusive<u16>> {
        self.table().slots(&name(master))
    }

    /// Masters that live, as those say who live.
    pub fn masters(&self) -> Vec<&Redis> {
        let table = self.table();
        table.masters().iter().map(|name| self.at(table.port(name))).collect()
    }

    /// Kills who has the slot and tells who it was. Who asks waits with [`wait`](Self::wait) for the replica.
    pub fn kill_master_of(&self, slot: u16) -> &Redis {
        let master = self.master_of(slot);
        master.kill();
        master
    }

    /// Waits until every node that lives says that all slots are served, and agrees with the others on by whom.
    ///
    /// # Panics
    ///
    /// When half a minute was not enough.
    pub fn wait(&self) {
        until("the cluster is one", || {
            let living = self.living();
            let names: Vec<_> = living.iter().map(|node| name(node)).collect();
            let tables: Vec<_> = living.iter().map(|node| Table::of(node)).collect();
            // A master that died a moment ago still counts with the others.
            let alive = |table: &Table| table.masters().iter().all(|master| names.contains(master));
            let known = |table: &Table| names.iter().all(|name| table.knows(name));
            tables.windows(2).all(|pair| pair[0].owners() == pair[1].owners())
                && tables.iter().all(|table| alive(table) && known(table))
                && living.iter().all(|node| is_ready(node))
        });
    }

    /// What the node that has the key says to a command about it.
    ///
    /// # Panics
    ///
    /// When it says nothing for five seconds.
    #[track_caller]
    pub fn command<T: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, words: &[T]) -> Reply {
        self.master_of(slot_of(key)).command(words)
    }

    fn share_slots(&self, masters: usize) {
        let total = usize::from(slots::COUNT);
        for (index, node) in self.nodes.iter().enumerate() {
            // An epoch each, before they meet: equal ones would be settled by a vote, later.
            fine(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
            if index < masters {
                let mine = index * total / masters..(index + 1) * total / masters;
                let words = ["CLUSTER", "ADDSLOTS"].map(str::to_owned).into_iter();
                fine(node, &words.chain(mine.map(|slot| slot.to_string())).collect::<Vec<_>>());
            }
        }
    }

    fn meet(&self) {
        let ports: Vec<_> = self.nodes.iter().map(|node| node.port().to_string()).collect();
        for port in ports.iter().skip(1) {
            fine(&self.nodes[0], &["CLUSTER", "MEET", "127.0.0.1", port]);
        }
        let names: Vec<_> = self.nodes.iter().map(name).collect();
        until("all nodes have met", || {
            self.nodes.iter().all(|node| {
                let table = Table::of(node);
                names.iter().all(|name| table.knows(name))
            })
        });
    }

    fn replicate(&self, masters: usize) {
        for (index, node) in self.nodes.iter().enumerate().skip(masters) {
            fine(node, &["CLUSTER", "REPLICATE", &name(&self.nodes[index % masters])]);
        }
        let replicas = self.nodes.len() - masters;
        until("each replica is known as one", || {
            self.nodes.iter().all(|node| Table::of(node).replica_count() == replicas)
        });
    }

    fn living(&self) -> Vec<&Redis> {
        self.nodes.iter().filter(|node| node.try_command(&["PING"]).is_ok()).collect()
    }

    /// What the first that lives knows.
    fn table(&self) -> Table {
        let table = self.nodes.iter().find_map(Table::if_lives);
        table.unwrap_or_else(|| panic!("no node of the cluster lives"))
    }

    fn at(&self, port: Option<u16>) -> &Redis {
        let node = self.nodes.iter().find(|node| Some(node.port()) == port);
        node.unwrap_or_else(|| panic!("no node is at {port:?}"))
    }
}

fn node() -> Redis {
    Redis::builder()
        .config("cluster-enabled", "yes")
        .config("cluster-node-timeout", "1000")
        .config("cluster-replica-validity-factor", "0")
        .config("repl-diskless-sync-delay", "0")
        .config("repl-ping-replica-period", "1")
        .start()
}

/// What the node calls itself.
fn name(node: &Redis) -> String {
    node.command(&["CLUSTER", "MYID"]).text()
}

/// Its slots are served, and if it is a replica, it has what its master has.
fn is_ready(node: &Redis) -> bool {
    let said = node.command(&["CLUSTER", "INFO"]).text();
    said.contains("cluster_state:ok")
        && said.contains("cluster_slots_ok:16384")
        && (node.info("replication", "role") == "master"
            || node.info("replication", "master_link_status") == "up")
}

fn fine<T: AsRef<[u8]>>(node: &Redis, words: &[T]) {
    let answer = node.command(words);
    let command = String::from_utf8_lossy(words[1].as_ref()).into_owned();
    assert!(!answer.is_error(), "{command} at {}: {answer:?}", node.port());
}
