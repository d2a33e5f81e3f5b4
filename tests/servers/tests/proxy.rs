//! Each mode of the proxy does what it says.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{ErrorKind, Result};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use macadamia_test_servers::{Client, Mode, Proxy, Redis, Reply, until};

fn to_shared() -> Proxy {
    Proxy::start(&Redis::shared().address())
}

fn connect(proxy: &Proxy) -> Client {
    Client::tcp(&proxy.address()).unwrap()
}

fn echo(client: &mut Client, word: &str) -> Result<String> {
    client.command(&["ECHO", word]).map(|reply| reply.text())
}

fn took(start: Instant) -> u128 {
    start.elapsed().as_millis()
}

/// With RST and not with the end of what was sent.
fn is_reset<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
}

#[test]
fn what_passes_arrives_and_is_counted() {
    let proxy = to_shared();
    let mut clients = [connect(&proxy), connect(&proxy)];
    for client in &mut clients {
        assert_eq!(echo(client, "hello").unwrap(), "hello");
    }
    let large = "x".repeat(3 << 20);
    assert_eq!(echo(&mut clients[0], &large).unwrap(), large);
    assert_eq!((proxy.accepted(), proxy.open()), (2, 2));
    drop(clients);
    until("both are closed", || proxy.open() == 0);
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn a_proxy_that_refuses_keeps_the_connections_there_are() {
    let proxy = to_shared();
    let mut early = connect(&proxy);
    proxy.set(Mode::Refuse);
    let refused = TcpStream::connect(proxy.address()).map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
    assert_eq!(echo(&mut early, "hello").unwrap(), "hello");
    proxy.set(Mode::Pass);
    assert_eq!(echo(&mut connect(&proxy), "hello").unwrap(), "hello");
}

#[test]
fn a_proxy_that_is_down_has_no_connections() {
    let proxy = to_shared();
    let mut early = connect(&proxy);
    echo(&mut early, "hello").unwrap();
    proxy.down();
    assert!(is_reset(&echo(&mut early, "hello")));
    assert!(Client::tcp(&proxy.address()).is_err());
    until("it is closed", || proxy.open() == 0);
}

#[test]
fn what_is_cut_is_reset_and_others_are_welcome() {
    let proxy = to_shared();
    let mut early = connect(&proxy);
    echo(&mut early, "hello").unwrap();
    proxy.cut();
    assert!(is_reset(&echo(&mut early, "hello")));
    assert_eq!(echo(&mut connect(&proxy), "hello").unwrap(), "hello");
}

#[test]
fn a_proxy_that_resets_does_so_to_old_and_new() {
    let proxy = to_shared();
    let mut early = connect(&proxy);
    echo(&mut early, "hello").unwrap();
    proxy.set(Mode::Reset);
    assert!(is_reset(&echo(&mut early, "hello")));
    assert!(is_reset(&Client::tcp(&proxy.address()).and_then(|mut late| echo(&mut late, "hello"))));
}

#[test]
fn a_black_hole_accepts_and_swallows_for_good() {
    let proxy = to_shared();
    let mut early = connect(&proxy);
    echo(&mut early, "hello").unwrap();
    proxy.set(Mode::BlackHole);
    let mut late = connect(&proxy);
    early.send(&["ECHO", "lost"]).unwrap();
    late.send(&["ECHO", "lost"]).unwrap();
    until("the late one is accepted", || proxy.accepted() == 2);
    // What is lost does not come when the hole is closed: only what is sent on another connection does.
    std::thread::sleep(Duration::from_millis(100));
    proxy.set(Mode::Pass);
    for lost in [&mut early, &mut late] {
        lost.limit(Duration::from_millis(100)).unwrap();
        assert_eq!(lost.receive().map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    }
    assert_eq!(echo(&mut connect(&proxy), "hello").unwrap(), "hello");
}

#[test]
fn what_is_held_arrives_when_it_passes_again() {
    let server = Redis::start();
    let proxy = Proxy::start(&server.address());
    let mut client = connect(&proxy);
    echo(&mut client, "hello").unwrap();
    proxy.set(Mode::Hold);
    client.send(&["SET", "k", "v"]).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(server.command(&["GET", "k"]), Reply::Nil);
    proxy.set(Mode::Pass);
    assert_eq!(client.receive().unwrap().text(), "OK");
    assert_eq!(server.command(&["GET", "k"]).text(), "v");
}

#[test]
fn what_is_slow_is_late_in_each_direction_and_not_for_each_command() {
    let proxy = to_shared();
    let mut client = connect(&proxy);
    proxy.set(Mode::Slow(Duration::from_millis(100)));
    let start = Instant::now();
    for _ in 0..10 {
        client.send(&["PING"]).unwrap();
    }
    for _ in 0..10 {
        assert_eq!(client.receive().unwrap().text(), "PONG");
    }
    let took = took(start);
    assert!((200..1000).contains(&took), "{took} ms");
}

#[test]
fn what_trickles_comes_byte_by_byte() {
    let proxy = to_shared();
    let mut client = connect(&proxy);
    proxy.set(Mode::Trickle(Duration::from_millis(20)));
    let start = Instant::now();
    client.send(&["PING"]).unwrap();
    assert_eq!(client.receive_bytes().unwrap(), b"+");
    assert_eq!(client.receive_bytes().unwrap(), b"P");
    assert!(took(start) >= 20);
}

#[test]
fn garbage_is_no_reply_to_what_the_server_did() {
    let server = Redis::start();
    let proxy = Proxy::start(&server.address());
    let mut client = connect(&proxy);
    proxy.set(Mode::Garbage);
    client.send(&["SET", "k", "v"]).unwrap();
    assert_eq!(client.receive_bytes().unwrap().first(), Some(&0));
    assert_eq!(server.command(&["GET", "k"]).text(), "v");
}

#[test]
fn a_truncated_reply_is_the_last() {
    let proxy = to_shared();
    let mut client = connect(&proxy);
    proxy.set(Mode::Truncate);
    client.send(&["ECHO", "hello"]).unwrap();
    let mut all = Vec::new();
    loop {
        match client.receive_bytes().unwrap() {
            bytes if bytes.is_empty() => break,
            bytes => all.extend(bytes),
        }
    }
    assert_eq!(all, b"$5\r\nh");
}

#[test]
fn replies_of_two_commands_are_swapped() {
    let proxy = to_shared();
    let mut client = connect(&proxy);
    proxy.set(Mode::Swap);
    client.send(&["ECHO", "one"]).unwrap();
    client.send(&["ECHO", "two"]).unwrap();
    assert_eq!(client.receive().unwrap().text(), "two");
    assert_eq!(client.receive().unwrap().text(), "one");
    assert_eq!(proxy.swapped(), 1);
    assert_eq!(echo(&mut client, "alone").unwrap(), "alone");
    assert_eq!(proxy.swapped(), 1);
}

#[test]
fn replies_of_resp_3_are_swapped_whole_and_pushes_are_not() {
    let proxy = to_shared();
    let mut client = connect(&proxy);
    client.send(&["HELLO", "3"]).unwrap();
    client.receive_bytes().unwrap();
    proxy.set(Mode::Swap);
    for command in [["SUBSCRIBE", "channel"], ["INCR", "swapped"], ["HGETALL", "no-hash"]] {
        client.send(&command).unwrap();
    }
    let expected = ">3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n%0\r\n:1\r\n";
    let mut all = Vec::new();
    while all.len() < expected.len() {
        all.extend(client.receive_bytes().unwrap());
    }
    assert_eq!(String::from_utf8_lossy(&all), expected);
}

#[test]
fn what_flaps_is_down_and_up_again_and_again() {
    let proxy = to_shared();
    proxy.set(Mode::Flap(Duration::from_millis(100)));
    let works = || Client::tcp(&proxy.address()).and_then(|mut client| echo(&mut client, "hello")).is_ok();
    assert!(!works(), "it begins with down");
    for _ in 0..2 {
        until("it is up", works);
        until("it is down", || !works());
    }
}

#[test]
fn a_server_behind_it_that_is_dead_resets() {
    let server = Redis::start();
    let proxy = Proxy::start(&server.address());
    let mut early = connect(&proxy);
    echo(&mut early, "hello").unwrap();
    server.kill();
    assert!(echo(&mut early, "hello").is_err());
    assert!(Client::tcp(&proxy.address()).and_then(|mut late| echo(&mut late, "hello")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_is_dropped_on_a_runtime_whose_clock_stands_still() {
    let proxy = to_shared();
    assert_eq!(echo(&mut connect(&proxy), "hello").unwrap(), "hello");
    let address = proxy.address();
    drop(proxy);
    until("nobody listens", || TcpStream::connect(&address).is_err());
}
