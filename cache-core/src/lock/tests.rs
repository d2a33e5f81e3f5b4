//! The rules of a lock, on a state in the hand.

use super::*;

const LEASE: Ttl = Ttl::from_millis(1_000);

/// What a backend does: keeps the state until its time is over.
#[derive(Default)]
struct Kept(Option<(Vec<u8>, Time)>);

impl Kept {
    fn ask(&mut self, mut change: Change<'_>, at: u64) -> Told {
        let now = Time::from_nanos(at * 1_000_000);
        let state = self.0.as_ref().filter(|(_, until)| *until > now).map(|(state, _)| state.as_slice());
        match change.step(state, now) {
            Step::Keep => {}
            Step::Put(state, until) => self.0 = Some((state, until)),
            Step::Remove => self.0 = None,
        }
        change.told()
    }

    fn take(&mut self, token: &str, at: u64) -> u64 {
        match self.ask(Change::take(token, LEASE), at) {
            Told::Mine(fence) => fence.get(),
            told => panic!("{token} was told {told:?}"),
        }
    }
}

#[test]
fn of_two_one_holds_it_up_to_the_end_of_the_lease() {
    let mut lock = Kept::default();
    lock.take("a", 1_000);
    let left = |millis| Told::Held(Some(Duration::from_millis(millis)));
    assert_eq!(lock.ask(Change::take("b", LEASE), 1_400), left(600));
    assert_eq!(lock.ask(Change::take("a", LEASE), 1_400), left(600), "a token takes a lock once");
    assert_eq!(lock.ask(Change::look(), 1_999), left(1));
    assert_eq!(lock.ask(Change::look(), 2_000), Told::Free);
    lock.take("b", 2_000);
    assert_eq!(lock.ask(Change::release("a"), 2_001), left(999), "the old holder releases the new one's");
    assert_eq!(lock.ask(Change::renew("a", LEASE), 2_001), left(999));
}

#[test]
fn only_the_token_that_took_it_renews_and_releases() {
    let mut lock = Kept::default();
    let fence = Told::Mine(Fence(lock.take("a", 1_000)));
    assert_eq!(lock.ask(Change::renew("a", LEASE), 1_900), fence);
    assert_eq!(lock.ask(Change::renew("b", LEASE), 1_900), Told::Held(Some(Duration::from_secs(1))));
    assert_eq!(lock.ask(Change::release("b"), 1_900), Told::Held(Some(Duration::from_secs(1))));
    assert_eq!(lock.ask(Change::release("a"), 2_899), fence);
    assert_eq!(lock.ask(Change::release("a"), 2_899), Told::Free);
    assert_eq!(lock.ask(Change::renew("a", LEASE), 2_899), Told::Free, "what was released comes back");
}

#[test]
fn fences_grow_at_one_moment_when_time_is_set_back_and_when_all_is_forgotten() {
    let mut lock = Kept::default();
    let mut last = 0;
    for at in [5_000, 5_000, 5_000, 1_000, 7_000, 90_000] {
        let fence = lock.take("a", at);
        assert!(fence > last, "{fence} after {last}");
        last = fence;
        assert!(matches!(lock.ask(Change::release("a"), at), Told::Mine(_)));
    }
    lock.0 = None;
    assert!(lock.take("a", 90_001) > last);
}

#[test]
fn a_lock_without_end_is_held_until_it_is_released() {
    let mut lock = Kept::default();
    assert!(matches!(lock.ask(Change::take("a", Ttl::FOREVER), 1), Told::Mine(_)));
    assert_eq!(lock.ask(Change::look(), u64::MAX / 2_000_000), Told::Held(None));
    assert!(matches!(lock.ask(Change::release("a"), 5), Told::Mine(_)));
    assert_eq!(lock.ask(Change::look(), 5), Told::Free);
}

#[test]
fn a_state_that_cannot_be_read_is_somebody_elses() {
    for bytes in [&b""[..], b"short", b"12345678x"] {
        let mut lock = Kept(Some((bytes.to_vec(), Time::NEVER)));
        for change in
            [Change::take("a", LEASE), Change::renew("", LEASE), Change::release(""), Change::look()]
        {
            assert_eq!(lock.ask(change, 1), Told::Held(None));
        }
        assert_eq!(lock.0, Some((bytes.to_vec(), Time::NEVER)));
    }
}

#[test]
fn an_empty_token_is_a_token() {
    let mut lock = Kept::default();
    lock.take("", 1);
    assert!(matches!(lock.ask(Change::look(), 1), Told::Held(_)));
    assert!(matches!(lock.ask(Change::release(""), 1), Told::Mine(_)));
}
