//! What a lock guards: the fills under way and the order of expiry of a sixty-fourth of the keys.

use std::collections::{BTreeMap, HashMap};

use cache_core::{Fill, Key, PrehashedState, Time};

use super::slot::Seat;

#[derive(Default)]
pub(crate) struct Stripe {
    /// Only keys that somebody is computing right now.
    fills: HashMap<Key, FillRecord, PrehashedState>,
    /// Every slot that expires, soonest first: purging costs what expired, not what there is.
    seats: BTreeMap<Seat, Key>,
    next_seat: u64,
}

/// A standing right to fill, and how many computations hold it.
struct FillRecord {
    nonce: u64,
    holders: usize,
}

impl Stripe {
    /// Takes the right to fill, joining one that stands.
    pub(crate) fn join_fill(&mut self, key: &Key) -> Fill {
        let record = self
            .fills
            .entry(key.clone())
            .or_insert_with(|| FillRecord { nonce: fastrand::u64(..), holders: 0 });
        record.holders += 1;
        Fill(record.nonce)
    }

    /// Gives one back. A right that was dropped meanwhile is no concern of whoever took the next one.
    pub(crate) fn leave_fill(&mut self, key: &Key, fill: Fill) {
        let Some(record) = self.fills.get_mut(key).filter(|record| record.nonce == fill.0) else { return };
        record.holders -= 1;
        if record.holders == 0 {
            self.fills.remove(key);
        }
    }

    /// Whether the right still stands.
    pub(crate) fn permits(&self, key: &Key, fill: Fill) -> bool {
        self.fills.get(key).is_some_and(|record| record.nonce == fill.0)
    }

    /// From now on, what was begun before is not stored.
    pub(crate) fn drop_fill(&mut self, key: &Key) {
        self.fills.remove(key);
    }

    /// The same for every key that `matches`.
    pub(crate) fn drop_fills(&mut self, matches: impl Fn(&Key) -> bool) {
        self.fills.retain(|key, _| !matches(key));
    }

    /// Takes a place in the order of expiry; what never expires needs none.
    pub(crate) fn seat(&mut self, key: &Key, due: Time) -> Seat {
        let seat = Seat { due, number: self.next_seat };
        if due != Time::NEVER {
            self.next_seat += 1;
            self.seats.insert(seat, key.clone());
        }
        seat
    }

    /// Gives a place up.
    pub(crate) fn unseat(&mut self, seat: Seat) {
        if seat.due != Time::NEVER {
            self.seats.remove(&seat);
        }
    }

    /// The next key whose time has come by `now`.
    pub(crate) fn next_due(&self, now: Time) -> Option<Key> {
        self.seats.first_key_value().filter(|(seat, _)| seat.due <= now).map(|(_, key)| key.clone())
    }

    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.fills.len(), self.seats.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_stands_until_it_is_dropped_or_given_back_by_all() {
        let (mut stripe, key) = (Stripe::default(), Key::from("k"));
        let fill = stripe.join_fill(&key);
        assert_eq!(stripe.join_fill(&key), fill, "the second computation joins");
        stripe.leave_fill(&key, fill);
        assert!(stripe.permits(&key, fill));
        stripe.leave_fill(&key, fill);
        assert!(!stripe.permits(&key, fill));
        assert_eq!(stripe.sizes(), (0, 0));
    }

    #[test]
    fn a_dropped_right_does_not_come_back_with_the_next() {
        let (mut stripe, key) = (Stripe::default(), Key::from("k"));
        let dropped = stripe.join_fill(&key);
        stripe.drop_fill(&key);
        let next = stripe.join_fill(&key);
        assert!(!stripe.permits(&key, dropped) && stripe.permits(&key, next));
        stripe.leave_fill(&key, dropped);
        assert!(stripe.permits(&key, next), "giving back a dropped right takes nobody else's");
    }

    #[test]
    fn seats_come_due_in_order_and_those_without_end_never() {
        let (mut stripe, at) = (Stripe::default(), Time::from_nanos);
        let late = stripe.seat(&Key::from("late"), at(9));
        stripe.seat(&Key::from("soon"), at(5));
        stripe.seat(&Key::from("never"), Time::NEVER);
        assert_eq!(stripe.sizes(), (0, 2));
        assert_eq!(stripe.next_due(at(4)), None);
        assert_eq!(stripe.next_due(at(9)).unwrap(), "soon");
        stripe.unseat(late);
        assert_eq!(stripe.sizes(), (0, 1));
    }
}
