//! Slots that go from one master to another, while clients ask.

use std::ops::RangeInclusive;

use super::table::Table;
use super::{Cluster, fine, name};
use crate::{Redis, until};

/// So many looks in a row, five milliseconds apart, find the nodes of one mind.
const AGREED: u32 = 4;

impl Cluster {
    /// Moves slots with their keys to another master.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub fn move_slots(&self, slots: RangeInclusive<u16>, to: &Redis) {
        for slot in slots {
            let from = self.master_of(slot);
            if from.port() != to.port() {
                self.begin_move(slot, to);
                while move_keys(slot, from, to, 100) > 0 {}
                self.end_move(slot, to);
            }
        }
    }

    /// From now on the slot is on its way: about a key that is not at its master any more, or not yet anywhere,
    /// that one says `ASK`.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub fn begin_move(&self, slot: u16, to: &Redis) {
        let from = self.master_of(slot);
        let number = slot.to_string();
        fine(to, &["CLUSTER", "SETSLOT", &number, "IMPORTING", &name(from)]);
        fine(from, &["CLUSTER", "SETSLOT", &number, "MIGRATING", &name(to)]);
    }

    /// Takes up to `count` keys of a slot that is on its way along, and tells how many there were.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub fn move_keys(&self, slot: u16, to: &Redis, count: usize) -> usize {
        move_keys(slot, self.master_of(slot), to, count)
    }

    /// The slot has arrived: its former master says `MOVED`.
    ///
    /// # Panics
    ///
    /// When a node refuses.
    pub fn end_move(&self, slot: u16, to: &Redis) {
        let from = self.master_of(slot);
        let command = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &name(to)];
        // Who receives it first: were it the last, nobody would have it for a moment.
        fine(to, &command);
        fine(from, &command);
        // A word of the sender that was under way turns the receiver again, if the sender has risen meanwhile: they have
        // agreed when they do so for a while.
        let mut looks = 0;
        until("all agree who has the slot", || {
            let wrong = |node: &&Redis| Table::of(node).owner(slot) != Some(name(to));
            let wrong: Vec<_> = self.masters().into_iter().filter(wrong).collect();
            wrong.iter().for_each(|node| fine(node, &command));
            looks = if wrong.is_empty() { looks + 1 } else { 0 };
            looks == AGREED
        });
    }
}

fn move_keys(slot: u16, from: &Redis, to: &Redis, count: usize) -> usize {
    let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &count.to_string()]);
    let keys: Vec<_> = keys.items().iter().map(bytes).collect();
    if !keys.is_empty() {
        let port = to.port().to_string();
        let command =
            ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"].map(|word| word.as_bytes().to_vec());
        fine(from, &[&command[..], &keys[..]].concat());
    }
    keys.len()
}

fn bytes(reply: &crate::Reply) -> Vec<u8> {
    match reply {
        crate::Reply::Bytes(bytes) => bytes.clone(),
        other => panic!("{other:?} is no key"),
    }
}
