//! Small states, changed in one step. They are no entries, and make room for nothing.

use cache_core::Key;

use super::desk::{Desk, kept};
use super::fault::Fault;

/// A state that is to be, and until when in wall nanoseconds.
pub(super) type State = (Vec<u8>, u64);

impl Desk<'_> {
    /// The state, if its time is not over.
    pub(super) fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT state FROM states WHERE key = ?1 AND until > ?2";
        self.first(sql, (key, self.now()), |row| row.get(0))
    }

    pub(super) fn has_state(&self, key: &[u8]) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM states WHERE key = ?1 AND until > ?2";
        Ok(self.first(sql, (key, self.now()), |_| Ok(()))?.is_some())
    }

    /// Puts the next state in place of `seen`; `false` if another is there by now. States that are equal are the same: a
    /// step depends on nothing but the state and the time.
    pub(super) fn replace_state(
        &self,
        key: &Key,
        seen: Option<&[u8]>,
        next: Option<&State>,
    ) -> Result<bool, Fault> {
        let key = key.as_str().as_bytes();
        if self.state(key)?.as_deref() != seen {
            return Ok(false);
        }
        match next {
            None => self.drop_state(key)?,
            Some((state, until)) => {
                self.run("INSERT OR REPLACE INTO states VALUES (?1, ?2, ?3)", (key, state, kept(*until)))?;
            }
        }
        Ok(true)
    }

    pub(super) fn drop_state(&self, key: &[u8]) -> Result<(), Fault> {
        self.run("DELETE FROM states WHERE key = ?1", [key]).map(drop)
    }
}
