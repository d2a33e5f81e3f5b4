//! Several servers are one cluster, whose masters die and whose slots move.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use macadamia_test_servers::{Cluster, Reply, slot_of};

#[test]
fn a_key_is_in_the_slot_that_servers_say() {
    let cluster = Cluster::start(1, 0);
    let server = &cluster.nodes()[0];
    for key in ["", "k", "user:7", "{user}:7", "a{b}{c}", "{}x", "{x", "x}", "a{{b}}", "é\n\0", "}{"] {
        assert_eq!(i64::from(slot_of(key)), server.command(&["CLUSTER", "KEYSLOT", key]).integer(), "{key}");
    }
}

#[test]
fn a_replica_takes_over_from_a_master_that_was_killed() {
    let cluster = Cluster::start(3, 3);
    assert_eq!((cluster.nodes().len(), cluster.masters().len()), (6, 3));
    let slot = slot_of("k");
    let replica = cluster.replicas_of(slot)[0].port();
    assert_eq!(cluster.command("k", &["SET", "k", "v"]).text(), "OK");
    let master = cluster.master_of(slot);
    assert_eq!(master.command(&["WAIT", "1", "5000"]).integer(), 1);
    let killed = cluster.kill_master_of(slot);
    assert_eq!(killed.port(), master.port());
    cluster.wait();
    assert_eq!(cluster.master_of(slot).port(), replica);
    assert_eq!(cluster.command("k", &["GET", "k"]).text(), "v");
    killed.restart();
    cluster.wait();
    assert_eq!(killed.info("replication", "role"), "slave");
}

#[test]
fn slots_move_with_their_keys() {
    let cluster = Cluster::start(2, 0);
    let slot = slot_of("{t}");
    let (from, to) = (cluster.master_of(slot), cluster.masters());
    let to = to.into_iter().find(|node| node.port() != from.port()).unwrap();
    for key in ["{t}1", "{t}2"] {
        cluster.command(key, &["SET", key, "v"]);
    }
    cluster.begin_move(slot, to);
    assert_eq!(cluster.move_keys(slot, to, 1), 1);
    let halfway = ["{t}1", "{t}2"].map(|key| from.command(&["GET", key]));
    assert_eq!(halfway.iter().filter(|reply| reply.is_error()).count(), 1, "{halfway:?}");
    cluster.move_slots(slot..=slot, to);
    assert_eq!(cluster.master_of(slot).port(), to.port());
    assert_eq!(cluster.command("{t}1", &["MGET", "{t}1", "{t}2"]).items().len(), 2);
    let moved = from.command(&["GET", "{t}1"]);
    assert_eq!(moved, Reply::Error(format!("MOVED {slot} 127.0.0.1:{}", to.port())));
    cluster.wait();
}
