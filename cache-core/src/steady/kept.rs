//! Invalidations that have not been done: what they are, whom they concern, and how many are kept at most.
//!
//! A plain table, without a backend. Each record has the number of its beginning, so that what is done takes off
//! what it was done for, and nothing that came after.

use std::collections::HashMap;

use crate::key::{Key, PrehashedState};
use crate::lock;
use crate::pattern::Pattern;

/// More are not kept singly: then everything that the route may have stored is to go.
const MOST_KEYS: usize = 10_000;
const MOST_PATTERNS: usize = 1_000;
const MOST_TAGS: usize = 1_000;

/// What was to be removed.
#[derive(Debug, Clone)]
pub(super) enum Removal {
    Keys(Vec<Key>),
    Match(Pattern),
    Tags(Vec<Key>),
    All,
}

/// Whether something kept concerns a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    No,
    /// A removal of this very key.
    Key,
    /// A removal of more than this key.
    Wide,
}

/// A moment in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Mark(u64);

/// One thing to be done again; what is done is taken off up to the mark.
#[derive(Debug, Clone)]
pub(super) struct Debt {
    pub(super) removal: Removal,
    pub(super) mark: Mark,
    /// It stands for what was too much to keep.
    pub(super) is_overflow: bool,
}

#[derive(Debug)]
struct Single {
    mark: Mark,
    /// How many stores of the key are under way, which would be lost if it were removed now.
    stores: u32,
}

#[derive(Debug)]
struct Wide {
    pattern: Pattern,
    mark: Mark,
    is_overflow: bool,
}

/// What is kept of one route.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keys: HashMap<Key, Single, PrehashedState>,
    patterns: Vec<Wide>,
    tags: HashMap<Key, Mark, PrehashedState>,
    all: Option<Mark>,
    last: Mark,
    /// Everything that the route may have stored, in patterns.
    route: Box<[Pattern]>,
}

impl Removal {
    /// What of it is kept if it fails. A lock is not freed late: by then somebody else may hold it.
    pub(super) fn kept(self) -> Option<Self> {
        match self {
            Self::Keys(mut keys) => {
                keys.retain(|key| !lock::is_lock(key.as_str()));
                (!keys.is_empty()).then_some(Self::Keys(keys))
            }
            Self::Match(pattern) if lock::is_lock(pattern.literal_head()) => None,
            Self::Match(pattern) if pattern.is_literal() => {
                Self::Keys(vec![Key::from(pattern.as_str())]).kept()
            }
            Self::Tags(tags) if tags.is_empty() => None,
            other => Some(other),
        }
    }

    /// As events name it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Keys(keys) | Self::Tags(keys) => keys.first().map_or("", Key::as_str),
            Self::Match(pattern) => pattern.as_str(),
            Self::All => "*",
        }
    }
}

impl Kept {
    /// Nothing, of a route whose keys these patterns match.
    pub(super) fn new(route: Vec<Pattern>) -> Self {
        Self { route: route.into(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty() && self.tags.is_empty() && self.all.is_none()
    }

    /// Now, in the order of invalidations.
    pub(super) const fn now(&self) -> Mark {
        self.last
    }

    fn next(&mut self) -> Mark {
        self.last.0 += 1;
        self.last
    }

    /// Keeps a removal that was not done, or of which that is not known.
    pub(super) fn keep(&mut self, removal: &Removal) {
        let mark = self.next();
        match removal {
            Removal::Keys(keys) => {
                for key in keys {
                    let single = self.keys.entry(key.clone()).or_insert(Single { mark, stores: 0 });
                    single.mark = mark;
                }
            }
            Removal::Match(pattern) => self.keep_match(pattern, mark, false),
            Removal::Tags(tags) => self.tags.extend(tags.iter().map(|tag| (tag.clone(), mark))),
            Removal::All => {
                self.all = Some(mark);
                self.keys.clear();
                self.patterns.clear();
            }
        }
        let is_full =
            self.keys.len() > MOST_KEYS || self.patterns.len() > MOST_PATTERNS || self.tags.len() > MOST_TAGS;
        if is_full {
            self.tags.clear();
            for pattern in self.route.clone() {
                self.keep_match(&pattern, mark, true);
            }
            // What the route cannot have stored would not be found either.
            self.keys.clear();
            self.patterns.retain(|wide| wide.is_overflow);
        }
    }

    fn keep_match(&mut self, pattern: &Pattern, mark: Mark, is_overflow: bool) {
        self.keys.retain(|key, _| !pattern.matches(key.as_str()));
        self.patterns.retain(|wide| (wide.is_overflow && !is_overflow) || !covers(pattern, &wide.pattern));
        self.patterns.push(Wide { pattern: pattern.clone(), mark, is_overflow });
    }

    /// A removal was done that was begun at this mark.
    pub(super) fn done(&mut self, removal: &Removal, begun: Mark) {
        match removal {
            Removal::Keys(keys) => {
                for key in keys {
                    self.take_off(key, begun);
                }
            }
            Removal::Match(pattern) => {
                self.keys.retain(|key, single| single.mark > begun || !pattern.matches(key.as_str()));
                self.patterns.retain(|wide| wide.mark > begun || !covers(pattern, &wide.pattern));
            }
            Removal::Tags(tags) => {
                for tag in tags {
                    if self.tags.get(tag).is_some_and(|mark| *mark <= begun) {
                        self.tags.remove(tag);
                    }
                }
            }
            // Not the tags: what is stored later may carry a generation from before.
            Removal::All => {
                self.keys.retain(|_, single| single.mark > begun);
                self.patterns.retain(|wide| wide.mark > begun);
                self.all = self.all.filter(|mark| *mark > begun);
            }
        }
    }

    fn take_off(&mut self, key: &Key, begun: Mark) {
        if self.keys.get(key).is_some_and(|single| single.mark <= begun) {
            self.keys.remove(key);
        }
    }

    /// Whether something concerns the key.
    pub(super) fn concern(&self, key: &str) -> Concern {
        let is_all = self.all.is_some() && !lock::is_lock(key);
        if is_all || self.patterns.iter().any(|wide| wide.pattern.matches(key)) {
            return Concern::Wide;
        }
        // Hashed anew: there are lookups only while something is kept.
        if !self.keys.is_empty() && self.keys.contains_key(&Key::from(key)) {
            return Concern::Key;
        }
        Concern::No
    }

    pub(super) fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    pub(super) fn concerns_tag(&self, tag: &Key) -> bool {
        self.tags.contains_key(tag)
    }

    /// A store of the key begins, which takes the place of what was to be removed. `false`: nothing was.
    pub(super) fn begin_store(&mut self, key: &Key) -> bool {
        self.keys.get_mut(key).is_some_and(|single| {
            single.stores += 1;
            true
        })
    }

    /// It has ended; with success nothing older is left under the key.
    pub(super) fn end_store(&mut self, key: &Key, begun: Mark, stored: bool) {
        if stored {
            self.take_off(key, begun);
        }
        if let Some(single) = self.keys.get_mut(key) {
            single.stores = single.stores.saturating_sub(1);
        }
    }

    /// What is cheap to do: keys, at most `at_once` at a time, and tags.
    pub(super) fn narrow(&self, at_once: usize) -> Vec<Debt> {
        let mark = self.last;
        let debt = |removal| Debt { removal, mark, is_overflow: false };
        let free: Vec<Key> =
            self.keys.iter().filter(|(_, single)| single.stores == 0).map(|(key, _)| key.clone()).collect();
        let tags: Vec<Key> = self.tags.keys().cloned().collect();
        let keys = free.chunks(at_once).map(|keys| debt(Removal::Keys(keys.to_vec())));
        keys.chain(tags.chunks(at_once).map(|tags| debt(Removal::Tags(tags.to_vec())))).collect()
    }

    /// What may walk over all there is.
    pub(super) fn wide(&self) -> Vec<Debt> {
        let all = self.all.map(|mark| Debt { removal: Removal::All, mark, is_overflow: false });
        let patterns = self.patterns.iter().map(|wide| Debt {
            removal: Removal::Match(wide.pattern.clone()),
            mark: wide.mark,
            is_overflow: wide.is_overflow,
        });
        all.into_iter().chain(patterns).collect()
    }
}

/// Whether every key that matches `narrow` matches `wide`, as far as that can be told cheaply.
fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    if wide.as_str() == narrow.as_str() {
        return true;
    }
    let Some(head) = wide.as_str().strip_suffix('*').filter(|head| !head.contains('*')) else { return false };
    // `x*` says all of `xy*`; but `*` says nothing about what is reserved.
    narrow.literal_head().starts_with(head) && wide.matches(narrow.literal_head())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Removal {
        Removal::Keys(keys.iter().map(|key| Key::from(*key)).collect())
    }

    fn matching(pattern: &str) -> Removal {
        Removal::Match(Pattern::new(pattern))
    }

    fn kept() -> Kept {
        Kept::new(vec![Pattern::new("a:*"), Pattern::new("fail:a:*")])
    }

    #[test]
    fn a_key_is_concerned_until_a_removal_that_began_later_is_done() {
        let mut kept = kept();
        let before = kept.now();
        kept.keep(&keys(&["a:1"]));
        kept.done(&keys(&["a:1"]), before);
        assert_eq!(kept.concern("a:1"), Concern::Key, "taken off by what began before");
        assert_eq!(kept.concern("a:2"), Concern::No);
        kept.done(&keys(&["a:1"]), kept.now());
        assert!(kept.is_empty());
    }

    #[test]
    fn what_says_more_takes_the_place_of_what_says_less() {
        let mut kept = kept();
        kept.keep(&keys(&["a:1", "b:1", "fail:a:1"]));
        kept.keep(&matching("a:1*"));
        kept.keep(&matching("a:*"));
        kept.keep(&matching("a:*"));
        assert_eq!((kept.keys.len(), kept.patterns.len()), (2, 1));
        kept.keep(&matching("*"));
        assert_eq!((kept.keys.len(), kept.patterns.len()), (1, 1), "a plain `*` leaves what is reserved");
        kept.keep(&matching("lock:*"));
        kept.keep(&matching("*"));
        assert_eq!(kept.patterns.len(), 2);
        kept.keep(&Removal::Tags(vec![Key::from("t")]));
        kept.keep(&Removal::All);
        assert_eq!((kept.keys.len(), kept.patterns.len(), kept.tags.len()), (0, 0, 1));
        assert_eq!((kept.concern("hit:any"), kept.concern("lock:any")), (Concern::Wide, Concern::No));
        kept.done(&Removal::All, kept.now());
        assert!(kept.concerns_tag(&Key::from("t")) && kept.concern("any") == Concern::No);
    }

    #[test]
    fn what_is_too_much_is_everything_of_the_route_and_nobody_elses() {
        let mut kept = kept();
        kept.keep(&Removal::Tags(vec![Key::from("t")]));
        for number in 0..=MOST_KEYS {
            kept.keep(&keys(&[&format!("a:{number}")]));
        }
        assert!(kept.keys.is_empty() && !kept.has_tags());
        for (key, expected) in [
            ("a:x", Concern::Wide),
            ("fail:a:x", Concern::Wide),
            ("lock:a:x", Concern::No),
            ("b", Concern::No),
        ] {
            assert_eq!(kept.concern(key), expected, "{key}");
        }
        assert!(kept.wide().iter().all(|debt| debt.is_overflow) && kept.wide().len() == 2);
        for number in 0..MOST_PATTERNS - 1 {
            kept.keep(&matching(&format!("*{number}")));
        }
        assert_eq!(kept.patterns.len(), 2);
        kept.done(&matching("a:*"), kept.now());
        kept.done(&matching("fail:a:*"), kept.now());
        assert!(kept.is_empty());
    }

    #[test]
    fn a_store_takes_the_place_of_an_older_removal_only() {
        let (mut kept, key) = (kept(), Key::from("a:1"));
        kept.keep(&keys(&["a:1"]));
        let begun = kept.now();
        assert!(kept.begin_store(&key));
        assert!(kept.narrow(10).is_empty(), "what is being stored would be removed");
        kept.keep(&keys(&["a:1"]));
        kept.end_store(&key, begun, true);
        assert_eq!(kept.concern("a:1"), Concern::Key, "the later removal is lost");
        assert_eq!(kept.narrow(10).len(), 1);
        let begun = kept.now();
        assert!(kept.begin_store(&key));
        kept.end_store(&key, begun, false);
        assert_eq!(kept.narrow(10).len(), 1);
        assert!(kept.begin_store(&key));
        kept.end_store(&key, begun, true);
        assert!(kept.is_empty());
    }

    #[test]
    fn a_lock_is_never_freed_late() {
        assert!(matches!(keys(&["lock:a", "b"]).kept(), Some(Removal::Keys(keys)) if keys.len() == 1));
        for removal in [keys(&["lock:a"]), matching("lock:*"), matching("lock:a"), keys(&[])] {
            assert!(removal.clone().kept().is_none(), "{removal:?}");
        }
        assert!(matches!(matching("a:1").kept(), Some(Removal::Keys(_))), "a literal pattern is a key");
    }
}
