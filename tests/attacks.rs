//! What somebody who can write to the server can do to a cache: cost it a miss, and be told of.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{
    Backend, Cache, Entry, Error, Event, EventKind, Expiry, Meta, Route, Scope, SetOptions, Time, cached,
    locked, rate_limit,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::Events;

const SECRET: &str = "a secret of thirty-two bytes or so";

struct Target {
    cache: Cache,
    wire: Wire,
    clock: ManualClock,
    events: Events,
}

impl Target {
    async fn with(route: impl Fn(Wire) -> Route) -> Self {
        let (wire, clock, events) = (Wire::new(), ManualClock::new(), Events::default());
        let builder = Cache::builder().route("", route(wire.clone()));
        let cache = builder.clock(clock.clone()).observer(events.clone()).build().await.unwrap();
        Self { cache, wire, clock, events }
    }

    async fn open() -> Self {
        Self::with(Route::to).await
    }

    async fn signed() -> Self {
        Self::with(|wire| Route::to(wire).secret(SECRET)).await
    }

    async fn both() -> [Self; 2] {
        [Self::open().await, Self::signed().await]
    }

    /// What lies under a key that this was stored under.
    async fn stored(&self, key: &str, value: &str) -> Vec<u8> {
        self.cache.set(key, value).await.unwrap();
        self.wire.stored(key).unwrap().to_vec()
    }

    /// Whether the cache takes what lies there for nothing, and tells.
    async fn refuses(&self, key: &str, what: &str) {
        let before = self.events.count(EventKind::Unreadable);
        assert_eq!(self.cache.get::<String>(key).await.unwrap(), None, "{what}");
        assert_eq!(self.events.count(EventKind::Unreadable), before + 1, "nobody was told of {what}");
    }
}

static COMPUTED: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "attacked:<id>")]
async fn attacked(id: u32) -> String {
    COMPUTED.fetch_add(1, SeqCst);
    format!("computed {id}")
}

#[tokio::test]
async fn truncated_at_every_byte_it_is_a_miss() {
    for target in Target::both().await {
        let whole = target.stored("k", "value").await;
        for length in 0..whole.len() {
            target.wire.plant("k", &whole[..length]);
            target.refuses("k", "a truncated entry").await;
        }
        target.wire.plant("k", [&whole[..], b"more"].concat());
        target.refuses("k", "an entry with more behind it").await;
        target.wire.plant("k", whole);
        assert_eq!(target.cache.get::<String>("k").await.unwrap().as_deref(), Some("value"));
    }
}

#[tokio::test]
async fn with_any_bit_flipped_it_is_a_miss() {
    for target in Target::both().await {
        let whole = target.stored("k", "value").await;
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            target.wire.plant("k", flipped);
            target.refuses("k", "a flipped bit").await;
        }
    }
}

#[tokio::test]
async fn the_entry_of_another_key_is_a_miss() {
    for target in Target::both().await {
        let other = target.stored("user:1", "the secret of one").await;
        target.wire.plant("user:2", other);
        target.refuses("user:2", "the entry of another key").await;
    }
}

#[tokio::test]
async fn what_was_not_signed_or_by_another_secret_or_digest_is_a_miss() {
    let target = Target::signed().await;
    for (what, forger) in [
        ("an unsigned entry", Target::open().await),
        (
            "another secret",
            Target::with(|wire| Route::to(wire).secret("another secret of the same kind")).await,
        ),
        ("a weaker digest", Target::with(|wire| Route::to(wire).secret(SECRET).digestmod("sha1")).await),
    ] {
        target.wire.plant("k", forger.stored("k", "forged").await);
        target.refuses("k", what).await;
    }
    let open = Target::open().await;
    open.wire.plant("k", target.stored("k", "signed").await);
    open.refuses("k", "a signed entry where nobody can check it").await;
}

#[tokio::test]
async fn what_is_of_others_is_a_miss() {
    for target in Target::both().await {
        for foreign in [&b""[..], b"42", b"-7", b"{\"a\":1}", b"\x80\x04\x95", &[0xff; 4096], &[0; 64]] {
            target.wire.plant("k", foreign);
            target.refuses("k", "the bytes of another program").await;
        }
    }
}

#[tokio::test]
async fn a_function_runs_instead_and_its_answer_takes_the_place() {
    for target in Target::both().await {
        let call = || Scope::new().cache(&target.cache).run(attacked(7));
        let before = COMPUTED.load(SeqCst);
        assert_eq!(call().await, "computed 7");
        target.wire.plant("attacked:7", "rubbish");
        assert_eq!(call().await, "computed 7");
        assert_eq!(COMPUTED.load(SeqCst), before + 2);
        assert!(target.events.count(EventKind::Unreadable) > 0);
        assert_eq!(target.events.count(EventKind::Stored), 2, "the rubbish is still in the way");
        assert_eq!(call().await, "computed 7");
        assert_eq!(COMPUTED.load(SeqCst), before + 2);
    }
}

#[tokio::test]
async fn to_every_command_rubbish_is_nothing() {
    for Target { cache, wire, events, .. } in Target::both().await {
        let plant = || wire.plant("k", "rubbish");
        plant();
        cache.set("other", "fine").await.unwrap();
        let several = cache.get_many::<String, _>(["k", "other"]).await.unwrap();
        assert_eq!(several, [None, Some("fine".to_owned())], "one entry spoils the others");
        assert!(!cache.exists("k").await.unwrap());
        assert_eq!(cache.get_raw("k").await.unwrap(), None);
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Missing);
        assert!(!cache.expire("k", "1h").await.unwrap());
        assert!(cache.gets::<String>("k").await.unwrap().is_none());
        assert_eq!(cache.get_match::<String>("k").await.unwrap(), []);
        let computed: u8 = cache.get_or_set("k", || async { 7 }).await.unwrap();
        assert_eq!(computed, 7);
        plant();
        assert!(cache.add("k", "mine").await.unwrap(), "rubbish keeps others out");
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("mine"));
        plant();
        assert_eq!(cache.incr("k").await.unwrap(), 1);
        assert_eq!(cache.incr("k").await.unwrap(), 2);
        assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(2));
        assert!(events.count(EventKind::Unreadable) >= 8);
    }
}

#[tokio::test]
async fn a_plain_number_under_a_secret_is_nobodys() {
    let Target { cache, wire, clock, events } = Target::signed().await;
    let now = macadamia::Clock::now(&clock);
    let plant = async |number: i64| {
        let entry = Entry::new(number, Meta::new(now, Time::NEVER));
        wire.set(&"n".into(), entry, SetOptions::default()).await.unwrap();
    };
    plant(1_000_000).await;
    assert_eq!(cache.get::<i64>("n").await.unwrap(), None);
    assert_eq!(cache.incr("n").by(5).await.unwrap(), 5, "it was counted on from what nobody signed");
    assert_eq!(cache.get::<u16>("n").await.unwrap(), Some(5));
    plant(-3).await;
    assert_eq!(cache.decr("n").await.unwrap(), -1);
    assert_eq!(events.count(EventKind::Unreadable), 3);
}

#[tokio::test]
async fn negative_numbers_are_numbers_with_and_without_a_secret() {
    for Target { cache, .. } in Target::both().await {
        cache.set("n", &-5).await.unwrap();
        assert_eq!(cache.get::<i32>("n").await.unwrap(), Some(-5));
        assert_eq!(cache.incr("n").by(-3).await.unwrap(), -8);
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(-8));
        assert_eq!(cache.get::<u64>("n").await.unwrap(), None);
        assert_eq!(cache.get::<f64>("n").await.unwrap(), None, "a number that is counted is an integer");
        assert_eq!(cache.get::<i128>("n").await.unwrap(), Some(-8));
        cache.set("text", "five").await.unwrap();
        assert!(matches!(cache.incr("text").await, Err(Error::NotANumber)));
        assert_eq!(cache.get::<String>("text").await.unwrap().as_deref(), Some("five"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_count_is_lost_under_a_secret() {
    let Target { cache, .. } = Target::signed().await;
    let counts = (0..8).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                cache.incr("n").await.unwrap();
            }
        })
    });
    for count in counts.collect::<Vec<_>>() {
        count.await.unwrap();
    }
    assert_eq!(cache.get::<u32>("n").await.unwrap(), Some(400));
}

#[tokio::test]
async fn the_life_of_a_signed_entry_cannot_be_lengthened_at_the_server() {
    let Target { cache, wire, clock, .. } = Target::signed().await;
    cache.set("k", "value").ttl("10s").await.unwrap();
    assert!(wire.expire(&"k".into(), Time::NEVER).await.unwrap());
    clock.advance(Duration::from_secs(10));
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    cache.set("k", "value").ttl("10s").await.unwrap();
    assert!(cache.expire("k", "1h").await.unwrap());
    clock.advance(Duration::from_secs(3599));
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("value"), "its owner can");
}

#[tokio::test]
async fn an_entry_from_the_future_is_a_miss() {
    let (ahead, target) = (Target::open().await, Target::open().await);
    ahead.clock.advance(Duration::from_secs(60));
    target.wire.plant("k", ahead.stored("k", "value").await);
    target.refuses("k", "an entry from the future").await;
    target.clock.advance(Duration::from_secs(55));
    assert_eq!(
        target.cache.get::<String>("k").await.unwrap().as_deref(),
        Some("value"),
        "a few seconds are skew"
    );
}

#[tokio::test]
async fn secrets_are_changed_while_entries_live() {
    let (old, new) = ("the old secret, for some time yet", "the new secret, from now on");
    let before = Target::with(|wire| Route::to(wire).secret(old)).await;
    let between = Target::with(|wire| Route::to(wire).secret(new).secret(old)).await;
    let after = Target::with(|wire| Route::to(wire).secret(new)).await;
    let stored = before.stored("k", "value").await;
    between.wire.plant("k", stored.clone());
    assert_eq!(between.cache.get::<String>("k").await.unwrap().as_deref(), Some("value"));
    after.wire.plant("k", stored);
    after.refuses("k", "what only the old secret signed").await;
    after.wire.plant("k", between.stored("k", "newer").await);
    assert_eq!(after.cache.get::<String>("k").await.unwrap().as_deref(), Some("newer"));
}

#[tokio::test]
async fn no_event_tells_what_signature_was_expected() {
    let (wire, texts) = (Wire::new(), Arc::new(Mutex::new(Vec::new())));
    let told = Arc::clone(&texts);
    let cache = Cache::builder()
        .route("", Route::to(wire.clone()).secret(SECRET))
        .observer(move |event: &Event<'_>| told.lock().unwrap().push(format!("{event:?} {:?}", event.error)))
        .build()
        .await
        .unwrap();
    cache.set("k", "value").await.unwrap();
    let mut forged = wire.stored("k").unwrap().to_vec();
    let signature = forged.split_off(forged.len() - 32);
    wire.plant("k", [forged, vec![0; 32]].concat());
    assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    let texts = texts.lock().unwrap().join("\n");
    assert!(texts.contains("Signature"), "{texts}");
    let hex = signature.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let list = format!("{signature:?}");
    for piece in [&hex[..16], &list[1..16]] {
        assert!(!texts.contains(piece), "{texts}");
    }
}

#[rate_limit(limit = 2, period = "1m", key = "limited:<id>")]
async fn limited(id: u8) -> Result<u8, Error> {
    Ok(id)
}

#[tokio::test]
async fn a_planted_state_lifts_no_limit_and_makes_none() {
    let target = Target::signed().await;
    let call = |id| Scope::new().cache(&target.cache).run(limited(id));
    call(1).await.unwrap();
    let first = target.wire.state("rate_limit:limited:1").unwrap();
    call(1).await.unwrap();
    call(1).await.unwrap_err();
    let full = target.wire.state("rate_limit:limited:1").unwrap();

    // What is of another key, what is cut short, and what nobody signed count for nothing.
    for state in
        [full.clone(), full[..full.len() - 1].to_vec(), full[..full.len() - 32].to_vec(), vec![7; 99]]
    {
        target.wire.plant_state("rate_limit:limited:2", state);
        let before = target.events.count(EventKind::Unreadable);
        call(2).await.unwrap();
        assert_eq!(target.events.count(EventKind::Unreadable), before + 1);
    }
    // An older state of the same key is signed: that much can be put back.
    target.wire.plant_state("rate_limit:limited:1", first);
    call(1).await.unwrap();
}

#[tokio::test]
async fn without_a_secret_a_damaged_state_is_none() {
    let target = Target::open().await;
    target.wire.plant_state("rate_limit:limited:3", *b"rubbish");
    Scope::new().cache(&target.cache).run(limited(3)).await.unwrap();
}

#[locked(ttl = "10s", wait = false, key = "signed")]
async fn alone(inside: bool) -> Result<bool, Error> {
    if inside { Box::pin(alone(false)).await } else { Ok(true) }
}

#[tokio::test]
async fn locks_and_tags_work_under_a_secret() {
    let Target { cache, .. } = Target::signed().await;
    let scope = || Scope::new().cache(&cache);
    assert!(scope().run(alone(false)).await.unwrap());
    assert!(matches!(scope().run(alone(true)).await, Err(Error::Locked)));
    cache.set("k", "value").tags(["t"]).await.unwrap();
    assert!(cache.exists("k").await.unwrap());
    cache.delete_tags(["t"]).await.unwrap();
    assert!(!cache.exists("k").await.unwrap());
}
