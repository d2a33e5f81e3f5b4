//! What was given up does not come after what was asked later.

use std::time::Duration;

use macadamia_test_servers::Redis as Server;

use super::relay::Relay;
use super::{at, route};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_given_up_does_not_come_after_a_deletion() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
    for round in 0..10 {
        cache.set("other", "v").await.unwrap();
        server.pause();
        let late =
            tokio::time::timeout(Duration::from_millis(20), cache.set("k", "late").into_future()).await;
        assert!(late.is_err(), "a server that stands still has answered");
        if round % 2 == 1 {
            // What is asked next goes over another connection than what was given up.
            cache.close().await.unwrap();
        }
        let delete = tokio::spawn({
            let cache = cache.clone();
            async move {
                while let Err(error) = cache.delete("k").await {
                    assert!(error.is_unavailable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.resume();
        delete.await.unwrap();
        for _ in 0..10 {
            assert_eq!(cache.get::<String>("k").await.unwrap(), None, "in round {round}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_an_old_connection_is_not_done_after_what_is_asked_on_the_next() {
    let server = Server::start();
    let relay = Relay::to(server.port()).await;
    let cache = route(at(relay.port)).await;
    cache.set("other", "v").await.unwrap();
    relay.hold();
    let late = tokio::time::timeout(Duration::from_millis(50), cache.set("k", "late").into_future()).await;
    assert!(late.is_err(), "what was held up was answered");
    cache.close().await.unwrap();
    cache.delete("k").await.unwrap();
    relay.let_go().await;
    for _ in 0..20 {
        assert_eq!(cache.get::<String>("k").await.unwrap(), None, "it arrived after the deletion");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
