//! A server is what its builder says, and goes with its test.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use macadamia_test_servers::{Client, Redis, Reply, random_prefix, until};

fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

#[test]
fn a_server_keeps_what_it_is_told() {
    let server = Redis::start();
    assert_eq!(server.command(&["SET", "k", "v"]), Reply::Status("OK".into()));
    assert_eq!(server.command(&["GET", "k"]).text(), "v");
    assert_eq!(server.command(&["GET", "other"]), Reply::Nil);
    assert_eq!(server.command(&["INCRBY", "n", "-3"]).integer(), -3);
    assert_eq!(server.command(&["KEYS", "*"]).items().len(), 2);
    assert!(server.command(&["INCR", "k"]).is_error());
    assert_eq!(server.command(&[b"SET".as_slice(), b"bytes", b"\0\r\n\xff"]).text(), "OK");
    assert_eq!(server.command(&["GET", "bytes"]), Reply::Bytes(b"\0\r\n\xff".to_vec()));
    assert_eq!(server.info("server", "process_id"), server.pid().to_string());
}

#[test]
fn its_port_is_where_the_address_says() {
    let server = Redis::start();
    assert_eq!(Client::tcp(&server.address()).unwrap().command(&["PING"]).unwrap().text(), "PONG");
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
}

#[test]
fn a_killed_server_starts_again_at_its_port_and_is_empty() {
    let server = Redis::start();
    server.command(&["SET", "k", "v"]);
    server.kill();
    assert!(server.try_command(&["PING"]).is_err());
    server.restart();
    assert_eq!(server.command(&["GET", "k"]), Reply::Nil);
    assert!(Client::tcp(&server.address()).is_ok());
}

#[test]
fn a_paused_server_says_nothing_until_it_goes_on() {
    let server = Redis::start();
    let mut client = server.client().unwrap();
    server.pause();
    client.limit(std::time::Duration::from_millis(200)).unwrap();
    client.send(&["PING"]).unwrap();
    assert!(client.receive().is_err(), "it is paused");
    server.resume();
    client.limit(std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(client.receive().unwrap().text(), "PONG");
}

#[test]
fn a_dropped_server_is_gone_even_if_it_was_paused() {
    let server = Redis::start();
    let (socket, directory) = (server.socket(), server.directory().to_owned());
    assert!(answers(&socket));
    server.pause();
    drop(server);
    assert!(!directory.exists());
}

#[test]
fn a_server_goes_with_a_test_that_panics() {
    let (told, tell) = std::sync::mpsc::channel();
    let ended = std::thread::spawn(move || {
        let server = Redis::start();
        told.send((server.port(), server.directory().to_owned())).unwrap();
        panic!("as tests do");
    });
    assert!(ended.join().is_err());
    let (port, directory) = tell.recv().unwrap();
    assert!(!directory.exists());
    assert!(Client::tcp(&format!("127.0.0.1:{port}")).is_err());
}

#[test]
fn a_password_is_asked_for() {
    let server = Redis::builder().password("s3cret").start();
    assert_eq!(server.command(&["PING"]).text(), "PONG");
    let stranger = Client::tcp(&server.address()).unwrap().command(&["PING"]).unwrap();
    assert!(matches!(&stranger, Reply::Error(said) if said.starts_with("NOAUTH")), "{stranger:?}");
    assert_eq!(server.url(), format!("redis://:s3cret@127.0.0.1:{}", server.port()));
}

#[test]
fn a_user_may_do_what_the_rules_say() {
    let server = Redis::builder().user("limited", "on >pw ~* &* +@all -scan").start();
    let mut client = Client::tcp(&server.address()).unwrap();
    assert_eq!(client.command(&["AUTH", "limited", "pw"]).unwrap().text(), "OK");
    assert_eq!(client.command(&["SET", "k", "v"]).unwrap().text(), "OK");
    let scan = client.command(&["SCAN", "0"]).unwrap();
    assert!(matches!(&scan, Reply::Error(said) if said.starts_with("NOPERM")), "{scan:?}");
}

#[test]
fn there_are_as_many_databases_as_were_asked_for() {
    let server = Redis::builder().databases(40).config("maxmemory", "20mb").start();
    let mut client = server.client().unwrap();
    assert_eq!(client.command(&["SELECT", "39"]).unwrap().text(), "OK");
    assert!(client.command(&["SELECT", "40"]).unwrap().is_error());
    assert_eq!(server.info("memory", "maxmemory"), (20 << 20).to_string());
}

#[test]
fn a_server_on_its_socket_only_has_no_port() {
    let server = Redis::builder().unix_only().start();
    assert!(Client::tcp(&server.address()).is_err());
    assert_eq!(server.command(&["PING"]).text(), "PONG");
    assert_eq!(server.url(), format!("redis+unix://{}", server.socket().display()));
}

#[test]
#[should_panic(expected = "Bad directive")]
fn a_server_that_does_not_start_says_why() {
    Redis::builder().config("flavour", "vanilla").start();
}

#[test]
fn the_shared_server_is_one_and_its_databases_are_fresh() {
    let (one, other) = (Redis::shared(), Redis::shared());
    assert_eq!(one.pid(), other.pid());
    let (first, second) = (one.fresh_database(), other.fresh_database());
    assert_ne!(first, second);
    assert_ne!(random_prefix(), random_prefix());
    let mut client = one.client().unwrap();
    assert_eq!(client.command(&["SELECT", &second.to_string()]).unwrap().text(), "OK");
}

const CHILD: &str = "MACADAMIA_TEST_SERVERS_CHILD";

/// The child of the next test: starts servers, says where, and waits to be killed.
#[test]
fn a_child_starts_servers_and_waits() {
    let server = Redis::start();
    assert!(answers(&server.socket()));
    if std::env::var_os(CHILD).is_some() {
        server.pause();
        println!("@{}", server.directory().display());
        println!("@{}", Redis::shared().directory().display());
        std::thread::park();
    }
}

#[test]
fn a_killed_test_process_leaves_no_server_behind() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_child_starts_servers_and_waits", "--exact", "--nocapture"])
        .env(CHILD, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let directories: Vec<_> = lines
        .filter_map(|line| line.unwrap().split_once('@').map(|(_, path)| path.to_owned()))
        .take(2)
        .collect();
    let sockets = [&directories[0], &directories[1]].map(|directory| Path::new(directory).join("redis.sock"));
    assert!(sockets.iter().all(|socket| answers(socket)), "{directories:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the servers are gone", || !sockets.iter().any(|socket| answers(socket)));
    until("their directories are gone", || !directories.iter().any(|path| Path::new(path).exists()));
}
