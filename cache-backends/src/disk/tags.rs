//! Generations of tags, in the file of the first shard.
//!
//! A record is kept until whatever carries its generation has expired, and for an hour for what is being computed: so
//! purging ends nothing. When there are too many, those go that would have gone first, and end what carries them:
//! nonces are random, so none comes back.

use cache_core::Key;

use super::desk::Desk;
use super::fault::Fault;
use super::stamps;

/// How long a computation may take between being given a generation and storing, in nanoseconds: an hour. And by how
/// much a record is kept longer than asked for, so that it is written once an hour and not with each store.
const HELD: i64 = 3_600 * 1_000_000_000;

/// A record takes some hundred bytes.
const MOST: i64 = 1_000_000;

const FIND: &str = "SELECT nonce, until FROM tags WHERE tag = ?1";

impl Desk<'_> {
    /// Whether the tags of an entry are of their present generations.
    pub(super) fn stand(&self, stamps: Option<&[u8]>) -> Result<bool, Fault> {
        for stamp in stamps::read(stamps.unwrap_or_default()) {
            let Some((tag, nonce)) = stamp else { return Ok(false) };
            if self.generation(tag)? != Some(nonce) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn generation(&self, tag: &[u8]) -> Result<Option<u64>, Fault> {
        self.of_tags(FIND, [tag], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
    }

    pub(super) fn generations(&self, tags: &[Key]) -> Result<Vec<Option<u64>>, Fault> {
        tags.iter().map(|tag| self.generation(tag.as_str().as_bytes())).collect()
    }

    /// The generations, where all of them stand and will for as long as a computation takes.
    pub(super) fn held(&self, tags: &[Key]) -> Result<Option<Vec<u64>>, Fault> {
        let until = self.now().saturating_add(HELD);
        let mut nonces = Vec::with_capacity(tags.len());
        for tag in tags {
            let sql = "SELECT nonce FROM tags WHERE tag = ?1 AND until >= ?2";
            let nonce = self.first(sql, (tag.as_str().as_bytes(), until), |row| row.get::<_, i64>(0))?;
            let Some(nonce) = nonce else { return Ok(None) };
            nonces.push(nonce.cast_unsigned());
        }
        Ok(Some(nonces))
    }

    /// The generations, begun where there is none.
    pub(super) fn stamp(&self, tags: &[Key]) -> Result<Vec<u64>, Fault> {
        const HOLD: &str = "INSERT INTO tags (tag, nonce, until) VALUES (?1, ?2, ?3) \
                            ON CONFLICT (tag) DO UPDATE SET until = max(until, ?3) RETURNING nonce";
        let until = self.now().saturating_add(2 * HELD);
        let mut nonces = Vec::with_capacity(tags.len());
        for tag in tags {
            let fresh = fastrand::u64(1..);
            let params = (tag.as_str().as_bytes(), fresh.cast_signed(), until);
            let nonce = self.first(HOLD, params, |row| row.get::<_, i64>(0))?;
            nonces.push(nonce.map_or(fresh, i64::cast_unsigned));
        }
        Ok(nonces)
    }

    /// Keeps the generations of what was stored for as long as that lives.
    pub(super) fn prolong(&self, stamps: &[u8], until: i64) -> Result<(), Fault> {
        for (tag, nonce) in stamps::read(stamps).flatten() {
            let sql = "UPDATE tags SET until = ?3 WHERE tag = ?1 AND nonce = ?2 AND until < ?4";
            self.run(sql, (tag, nonce.cast_signed(), until.saturating_add(HELD), until))?;
        }
        Ok(())
    }

    pub(super) fn end_generations(&self, tags: &[Key]) -> Result<(), Fault> {
        tags.iter().try_for_each(|tag| {
            self.run("DELETE FROM tags WHERE tag = ?1", [tag.as_str().as_bytes()]).map(drop)
        })
    }

    /// Forgets what nothing carries any more, and what is too much.
    pub(super) fn purge_tags(&self) -> Result<usize, Fault> {
        let purged = self.run("DELETE FROM tags WHERE until <= ?1", [self.now()])?;
        let count =
            self.first("SELECT count(*) FROM tags", [], |row| row.get::<_, i64>(0))?.unwrap_or_default();
        if count <= MOST {
            return Ok(purged);
        }
        let excess = "DELETE FROM tags WHERE tag IN (SELECT tag FROM tags ORDER BY until LIMIT ?1)";
        Ok(purged + self.run(excess, [count - MOST])?)
    }
}
