//! Clocks of nodes that disagree.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use macadamia::{BoxFuture, Cache, Clock, Error, Scope, SystemClock, Time, rate_limit};
use macadamia_test_servers::Redis;

use crate::{Origin, plain};

/// The machine's clock on a machine whose wall is wrong by so many seconds.
#[derive(Debug, Clone, Default)]
struct Wrong(Arc<AtomicI64>);

impl Wrong {
    fn by(seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(seconds)))
    }

    fn jump(&self, seconds: i64) {
        self.0.fetch_add(seconds, SeqCst);
    }
}

impl Clock for Wrong {
    fn now(&self) -> Time {
        SystemClock.now()
    }

    fn wall(&self) -> u64 {
        SystemClock.wall().saturating_add_signed(self.0.load(SeqCst) * 1_000_000_000)
    }

    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()> {
        SystemClock.sleep_until(deadline)
    }
}

async fn node(server: &Redis, clock: &Wrong) -> Cache {
    let cache = Cache::builder().route("", server.url()).clock(clock.clone()).build().await.unwrap();
    // Connected, it knows the server's time.
    cache.ping("").await.unwrap();
    cache
}

#[rate_limit(limit = 3, period = "1h", key = "limited")]
async fn limited() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn nodes_whose_clocks_differ_by_minutes_share_entries_and_limits() {
    let server = Redis::start();
    let (fast, slow) = (node(&server, &Wrong::by(300)).await, node(&server, &Wrong::by(-300)).await);
    let origin = Origin::default();
    for (writer, reader, id) in [(&fast, &slow, 1), (&slow, &fast, 2)] {
        Scope::new().cache(writer).run(plain(id, &origin)).await;
        let before = origin.runs();
        Scope::new().cache(reader).run(plain(id, &origin)).await;
        assert_eq!(origin.runs(), before, "what one stored, the other reads");
    }
    let mut admitted = 0;
    for _ in 0..4 {
        for node in [&fast, &slow] {
            admitted += usize::from(Scope::new().cache(node).run(limited()).await.is_ok());
        }
    }
    assert_eq!(admitted, 3);
    let left = fast.get_expire("plain:2").await.unwrap().remaining().unwrap();
    assert!(left > Duration::from_secs(3_500) && left <= Duration::from_secs(3_600), "{left:?}");
}

#[tokio::test]
async fn a_wall_that_jumps_ends_nothing_and_keeps_nothing_alive() {
    let server = Redis::start();
    let clock = Wrong::by(0);
    let (cache, origin) = (node(&server, &clock).await, Origin::default());
    Scope::new().cache(&cache).run(plain(1, &origin)).await;
    for jump in [3_600 * 2, -3_600 * 4, 3_600 * 2] {
        clock.jump(jump);
        Scope::new().cache(&cache).run(plain(1, &origin)).await;
        assert_eq!(origin.runs(), 1, "after a jump by {jump} s");
        let left = cache.get_expire("plain:1").await.unwrap().remaining().unwrap();
        assert!(left > Duration::from_secs(3_500) && left <= Duration::from_secs(3_600), "{left:?}");
    }
    cache.set("short", "v").ttl(Duration::from_millis(100)).await.unwrap();
    clock.jump(-3_600);
    crate::until("it ends", || async { cache.get::<String>("short").await.unwrap().is_none() }).await;
}
