//! A server that answers, and does not do it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use macadamia::{EventKind, Scope};

use crate::{Far, Origin, cache, plain};

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_a_master_takes_no_writes_and_calls_go_on() {
    let far = Far::new().await;
    far.until_hits().await;
    // Nobody is there to follow: reads go on, writes are refused.
    far.server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    far.run(async {
        for id in 100..400 {
            assert_eq!(plain(id, &far.origin).await.0, id);
        }
    })
    .await;
    far.server.command(&["REPLICAOF", "NO", "ONE"]);
    far.until_hits().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_master_that_answers_nothing_is_down() {
    let far = Far::new().await;
    far.until_hits().await;
    far.server.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    far.server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    far.run(async {
        for id in 0..300 {
            assert_eq!(plain(id, &far.origin).await.0, id);
        }
    })
    .await;
    assert_eq!(far.events.count(EventKind::BackendDown), 1);
    far.server.command(&["REPLICAOF", "NO", "ONE"]);
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
}

/// Answers everything alike, whatever it is.
fn says(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    // Each command is an array.
                    let commands = bytes[..count].split(|byte| *byte == b'*').count() - 1;
                    if stream.write_all(answer.repeat(commands).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("redis://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_loading_failing_over_or_no_server_at_all_is_down() {
    for answer in [
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        "-CLUSTERDOWN The cluster is down\r\n",
        "-ERR max number of clients reached\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "+OK\r\n",
    ] {
        let (cache, _) = cache(&says(answer)).await;
        let (origin, began) = (Origin::default(), Instant::now());
        Scope::new()
            .cache(&cache)
            .run(async {
                for id in 0..200 {
                    assert_eq!(plain(id, &origin).await.0, id, "{answer}");
                }
            })
            .await;
        assert_eq!(origin.runs(), 200);
        assert!(began.elapsed() < Duration::from_secs(5), "{answer}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_memory_loses_writes_and_goes_on_reading() {
    let far = Far::new().await;
    far.run(async {
        plain(1, &far.origin).await;
        far.server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        far.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        for id in 100..200 {
            assert_eq!(plain(id, &far.origin).await.0, id);
        }
        let before = far.origin.runs();
        for _ in 0..100 {
            plain(1, &far.origin).await;
        }
        assert_eq!(far.origin.runs(), before, "what is there is read");
    })
    .await;
    assert_eq!(far.events.count(EventKind::BackendDown), 0, "it is not down");
    far.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    far.until_hits().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgot_its_scripts_is_told_them_again() {
    let far = Far::new().await;
    far.until_hits().await;
    far.run(async {
        for id in 500..520 {
            far.server.command(&["SCRIPT", "FLUSH"]);
            plain(id, &far.origin).await;
        }
        let before = far.origin.runs();
        for id in 500..520 {
            plain(id, &far.origin).await;
        }
        assert_eq!(far.origin.runs(), before, "all were stored");
    })
    .await;
    assert_eq!(far.events.count(EventKind::BackendFailed), 0);
}
