//! Ports that are free at the moment.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;

/// Below what systems give to outgoing connections: a server that is down for a while finds its port free again.
const PORTS: RangeInclusive<u16> = 10_100..=22_700;
/// Where a node of a cluster talks to the others, above its port.
pub(crate) const BUS: u16 = 10_000;

/// A port of 127.0.0.1 that nobody listens on, nor on its bus port. Somebody may take it before its server does.
pub(crate) fn free() -> u16 {
    loop {
        let port = fastrand::u16(PORTS);
        if [port, port + BUS].into_iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return port;
        }
    }
}
