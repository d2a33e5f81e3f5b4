//! Keys by pattern: all names are gone through, once, and of those that may match it is asked whether they are ours.
//!
//! Rights to fill go first, in a pass of their own: whatever was computed before is from then on either found on the way
//! or refused.

use std::collections::HashSet;

use cache_core::{Key, Pattern, Result};
use futures_util::future::join_all;
use redis::Value;

use super::link::{Lane, Node};
use super::store::{PART, Store};
use super::{fault, names, scripts};

/// How many names the server is asked to look at in one step.
const STEP: usize = 1_000;

/// Twice where slots of a cluster move meanwhile: what went from a server that was not yet asked to one that was asked
/// already stays there, and is found the second time.
const ROUNDS: usize = 2;

/// Of a longer literal head so much is compared by the server: a key of that length may end in a digest.
const HEAD: usize = 4_096;

/// What becomes of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Tell,
    RemoveRights,
    RemoveRest,
}

impl What {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::Tell => b"",
            Self::RemoveRights => b"rights",
            Self::RemoveRest => b"rest",
        }
    }
}

impl Store {
    /// Living keys that match, states among them.
    pub(super) async fn scan(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        let matches = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| pattern.matches(name));
        // The server may name a key twice.
        let mut found = HashSet::new();
        self.walk("scan", &may_match(pattern), matches, What::Tell, |name| {
            found.insert(name);
        })
        .await?;
        Ok(found.into_iter().filter_map(|name| String::from_utf8(name).ok()).map(Key::from).collect())
    }

    pub(super) async fn delete_match(&self, pattern: &Pattern) -> Result<u64> {
        if pattern.is_literal() {
            return self.delete(&[Key::from(pattern.as_str())]).await;
        }
        let matches = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| pattern.matches(name));
        let of_matching = |name: &[u8]| names::key_of_fill(name).is_some_and(matches);
        self.walk("delete_match", names::FILLS.as_bytes(), of_matching, What::RemoveRights, drop).await?;
        let mut deleted = 0;
        self.walk("delete_match", &may_match(pattern), matches, What::RemoveRest, |_| deleted += 1).await?;
        self.states.forget_all();
        Ok(deleted)
    }

    /// Removes all that is ours, and nothing else.
    pub(super) async fn clear(&self) -> Result<()> {
        self.walk("clear", names::FILLS.as_bytes(), |_| true, What::RemoveRights, drop).await?;
        self.walk("clear", b"*", |_| true, What::RemoveRest, drop).await?;
        self.states.forget_all();
        Ok(())
    }

    /// Goes through all names on all servers to the end; tells those of what was living.
    async fn walk(
        &self,
        verb: &'static str,
        names: &[u8],
        is_meant: impl Fn(&[u8]) -> bool,
        what: What,
        mut living: impl FnMut(Vec<u8>),
    ) -> Result<()> {
        let mut census = self.link.census(verb).await?;
        for _ in 0..ROUNDS {
            for node in census.nodes() {
                self.walk_node(node, verb, names, &is_meant, what, &mut living).await?;
            }
            let after = self.link.census(verb).await?;
            if after.has_same_slots(&census) && !after.is_moving() {
                break;
            }
            census = after;
        }
        Ok(())
    }

    async fn walk_node(
        &self,
        node: &Node,
        verb: &'static str,
        names: &[u8],
        is_meant: &impl Fn(&[u8]) -> bool,
        what: What,
        living: &mut impl FnMut(Vec<u8>),
    ) -> Result<()> {
        let mut cursor = b"0".to_vec();
        loop {
            let (next, mut found) = self.step(verb, node, &cursor, names).await?;
            found.retain(|name| is_meant(name));
            self.look(verb, found, what).await?.into_iter().for_each(&mut *living);
            if next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn step(
        &self,
        verb: &'static str,
        node: &Node,
        cursor: &[u8],
        names: &[u8],
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(names).arg("COUNT").arg(STEP);
        let answer = self.link.ask_node(node, verb, command).await?;
        let Value::Array(parts) = answer else { return Err(fault::unexpected("SCAN", &answer)) };
        match <[Value; 2]>::try_from(parts) {
            Ok([Value::BulkString(next), Value::Array(found)]) => {
                let name = |found| match found {
                    Value::BulkString(name) => Some(name),
                    _ => None,
                };
                Ok((next, found.into_iter().filter_map(name).collect()))
            }
            _ => Err(fault::unexpected("SCAN", &Value::Array(Vec::new()))),
        }
    }

    /// Which of them are ours and live; what is to go is gone then.
    async fn look(&self, verb: &'static str, found: Vec<Vec<u8>>, what: What) -> Result<Vec<Vec<u8>>> {
        let now = self.moment().await?.wall.to_le_bytes();
        let (word, lane) = (what.word(), if what == What::Tell { Lane::Read } else { Lane::Write });
        let mut living = Vec::new();
        for part in found.chunks(PART) {
            let names: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
            let (names, groups) = (&names, self.link.together(&names));
            let asked = groups.iter().map(|group| async {
                let keys: Vec<&[u8]> = group.iter().filter_map(|at| names.get(*at).copied()).collect();
                let answer = self.link.run(lane, verb, &scripts::LOOK, &keys, &[&now, word]).await?;
                let Value::Array(told) = answer else { return Err(fault::unexpected("a script", &answer)) };
                let lives = |(key, told): (&[u8], Value)| (told == Value::Int(1)).then(|| key.to_vec());
                Ok(keys.into_iter().zip(told).filter_map(lives).collect::<Vec<_>>())
            });
            for names in join_all(asked).await {
                living.extend(names?);
            }
        }
        Ok(living)
    }
}

/// What the server is asked for: all that begins as the pattern does. The rest of a long key may be a digest, so more is
/// not asked there.
fn may_match(pattern: &Pattern) -> Vec<u8> {
    let head = pattern.literal_head().as_bytes();
    let is_whole = pattern.is_literal() && head.len() <= HEAD;
    let mut names = names::escaped(head.get(..HEAD).unwrap_or(head));
    if !is_whole {
        names.push(b'*');
    }
    names
}
