//! Slow, and there only now and then.

use std::time::{Duration, Instant};

use macadamia::EventKind;
use macadamia_test_servers::Mode;

use crate::Far;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_given_up_after_a_few_limits() {
    let far = Far::new().await;
    far.until_hits().await;
    far.proxy.set(Mode::Slow(Duration::from_millis(400)));
    let load = far.load(16);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = load.calls();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // 16 tasks that each wait for a limit make 64 calls a second.
    assert!(load.calls() - before > 200, "calls went on: {}", load.calls() - before);
    assert!(far.events.count(EventKind::BackendDown) >= 1);
    far.proxy.set(Mode::Pass);
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_and_goes_is_not_stormed() {
    let far = Far::new().await;
    far.until_hits().await;
    let (load, began) = (far.load(64), Instant::now());
    let before = far.proxy.accepted();
    far.proxy.set(Mode::Flap(Duration::from_millis(500)));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let attempts = far.proxy.accepted() - before;
    assert!(attempts < 60, "{attempts} attempts to connect in {:?}", began.elapsed());
    far.proxy.set(Mode::Pass);
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
    let (calls, slowest) = (load.calls(), load.end().await);
    assert!(calls > 4_000, "{calls} calls in {:?}", began.elapsed());
    assert!(slowest < Duration::from_secs(2), "a call took {slowest:?}");
    let (downs, ups) = (far.events.count(EventKind::BackendDown), far.events.count(EventKind::BackendUp));
    assert!((1..=20).contains(&downs) && downs.abs_diff(ups) <= 1, "{downs} times down, {ups} times up");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_trickle_are_replies() {
    let far = Far::new().await;
    far.until_hits().await;
    far.proxy.set(Mode::Trickle(Duration::from_micros(50)));
    far.run(async {
        for id in 0..20 {
            assert_eq!(crate::item(id, &far.origin).await.0, id);
        }
    })
    .await;
    far.proxy.set(Mode::Pass);
    far.until_hits().await;
}
