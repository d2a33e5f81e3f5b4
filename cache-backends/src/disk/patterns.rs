//! Keys by pattern: only those that begin as the pattern does are looked at.

use std::collections::HashMap;

use cache_core::{Key, Pattern};

use super::desk::Desk;
use super::fault::Fault;
use super::stamps;

/// How many keys are looked at in one transaction.
const PART: u32 = 10_000;

/// Of a longer literal head so much is compared: a key of that length may be a digest of one that matches.
const HEAD: usize = 4_096;

/// No UTF-8 has this byte, so it comes after every text.
const AFTER_ALL: u8 = 0xff;

/// A way through the keys that may match.
#[derive(Debug)]
pub(super) struct Walk {
    pattern: Pattern,
    from: Vec<u8>,
    to: Vec<u8>,
    is_begun: bool,
    count: u64,
    keys: Vec<Key>,
}

impl Walk {
    pub(super) fn along(pattern: &Pattern) -> Self {
        let head = pattern.literal_head().as_bytes();
        let head = head.get(..HEAD).unwrap_or(head);
        let to = [head, &[AFTER_ALL]].concat();
        Self {
            pattern: pattern.clone(),
            from: head.to_vec(),
            to,
            is_begun: false,
            count: 0,
            keys: Vec::new(),
        }
    }
}

const PASS: &str =
    "SELECT key, expires, stamps FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";

/// A row on the way, with what tells whether it lives.
type Passed = (Vec<u8>, i64, Option<Vec<u8>>);

/// The generations that were asked for on the way.
type Known = HashMap<Vec<u8>, Option<u64>>;

impl Desk<'_> {
    /// Living keys that match, states among them; `None` while there are more to look at.
    pub(super) fn scan(&self, walk: &mut Walk) -> Result<Option<Vec<Key>>, Fault> {
        if !walk.is_begun {
            let sql = "SELECT key FROM states WHERE key >= ?1 AND key < ?2 AND until > ?3 AND written <= ?4";
            let bounds = (&walk.from, &walk.to, self.now(), self.latest_writing());
            let states = self.all(sql, bounds, |row| row.get::<_, Vec<u8>>(0))?;
            walk.keys.extend(states.into_iter().filter_map(|key| walk.pattern.matching(key)));
            walk.is_begun = true;
        }
        let (passed, is_last) = self.pass(walk)?;
        let (mut known, now) = (Known::new(), self.now());
        for (key, expires, stamps) in passed {
            let Some(key) = walk.pattern.matching(key) else { continue };
            if expires > now && self.stand_as_known(stamps.as_deref(), &mut known)? {
                walk.keys.push(key);
            }
        }
        Ok(is_last.then(|| std::mem::take(&mut walk.keys)))
    }

    /// Removes what matches; how many lived, or `None` while there are more to look at.
    ///
    /// Rights go first: whatever was computed before is from then on either found on the way or refused.
    pub(super) fn delete_match(&self, walk: &mut Walk) -> Result<Option<u64>, Fault> {
        if walk.pattern.is_literal() {
            return self.delete(walk.pattern.as_str().as_bytes()).map(|lived| Some(lived.into()));
        }
        if !walk.is_begun {
            self.drop_matching_fills(walk)?;
            walk.count += self.drop_matching_states(walk)?;
            walk.is_begun = true;
        }
        let (passed, is_last) = self.pass(walk)?;
        let (mut known, now) = (Known::new(), self.now());
        for (key, expires, stamps) in passed {
            if !walk.pattern.is_of(&key) {
                continue;
            }
            let lived = expires > now && self.stand_as_known(stamps.as_deref(), &mut known).unwrap_or(true);
            walk.count += u64::from(lived);
            self.drop_fill(&key)?;
            self.remove(&key)?;
        }
        Ok(is_last.then_some(walk.count))
    }

    /// The next part of the way, and whether it is the last.
    fn pass(&self, walk: &mut Walk) -> Result<(Vec<Passed>, bool), Fault> {
        let passed: Vec<Passed> =
            self.all(PASS, (&walk.from, &walk.to, PART), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if let Some((last, ..)) = passed.last() {
            // The next key there can be.
            walk.from = [last.as_slice(), &[0]].concat();
        }
        let is_last = passed.len() < PART as usize;
        Ok((passed, is_last))
    }

    fn drop_matching_fills(&self, walk: &Walk) -> Result<(), Fault> {
        let sql = "SELECT key FROM fills WHERE key >= ?1 AND key < ?2";
        let keys = self.all(sql, (&walk.from, &walk.to), |row| row.get::<_, Vec<u8>>(0))?;
        keys.iter().filter(|key| walk.pattern.is_of(key)).try_for_each(|key| self.drop_fill(key))
    }

    /// How many lived.
    fn drop_matching_states(&self, walk: &Walk) -> Result<u64, Fault> {
        let sql = "SELECT key, until > ?3 AND written <= ?4 FROM states WHERE key >= ?1 AND key < ?2";
        let bounds = (&walk.from, &walk.to, self.now(), self.latest_writing());
        let states: Vec<(Vec<u8>, bool)> = self.all(sql, bounds, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut count = 0;
        for (key, lives) in states.iter().filter(|(key, _)| walk.pattern.is_of(key)) {
            count += u64::from(*lives);
            self.drop_state(key)?;
        }
        Ok(count)
    }

    /// The same as [`stand`](Self::stand), asking once for each tag.
    fn stand_as_known(&self, stamps: Option<&[u8]>, known: &mut Known) -> Result<bool, Fault> {
        for stamp in stamps::read(stamps.unwrap_or_default()) {
            let Some((tag, nonce)) = stamp else { return Ok(false) };
            let generation = match known.get(tag) {
                Some(generation) => *generation,
                None => *known.entry(tag.to_vec()).or_insert(self.generation(tag)?),
            };
            if generation != Some(nonce) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A pattern over keys as rows have them.
trait OverRows {
    fn is_of(&self, key: &[u8]) -> bool;
    fn matching(&self, key: Vec<u8>) -> Option<Key>;
}

impl OverRows for Pattern {
    fn is_of(&self, key: &[u8]) -> bool {
        std::str::from_utf8(key).is_ok_and(|key| self.matches(key))
    }

    fn matching(&self, key: Vec<u8>) -> Option<Key> {
        String::from_utf8(key).ok().filter(|key| self.matches(key)).map(Key::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::file::{Access, File};
    use crate::disk::place::{Home, Place};

    #[test]
    fn a_pattern_with_a_head_reads_no_other_keys() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { home: Home::at(directory.path()), index: 0, shards: 1 };
        let file = File::open(&place, Access::Write).unwrap();
        let walk = Walk::along(&Pattern::new("user:*"));
        let plan: String = file
            .connection
            .query_row(&format!("EXPLAIN QUERY PLAN {PASS}"), (&walk.from, &walk.to, PART), |row| row.get(3))
            .unwrap();
        assert_eq!(plan, "SEARCH entries USING PRIMARY KEY (key>? AND key<?)");
        assert_eq!((walk.from, walk.to), (b"user:".to_vec(), b"user:\xff".to_vec()));
    }

    #[test]
    fn of_a_very_long_head_a_part_is_looked_for_since_keys_may_end_in_a_digest() {
        let walk = Walk::along(&Pattern::new("k".repeat(9_000) + "*"));
        assert_eq!((walk.from.len(), walk.to.len()), (HEAD, HEAD + 1));
    }
}
