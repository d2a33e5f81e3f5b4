//! Small states, changed in one step. They are no entries, and make room for nothing.
//!
//! In a state are times of the wall, which only its guard can read. When the wall is set back they lie ahead, by as much
//! as it was set back: a lock would be held and a limit be used up for a day where ten seconds were meant. So a state
//! that was written in the future is none, as an entry from there is none. Who held the lock finds out when renewing it,
//! and up to then two may hold it; the number of the second is the lesser. That is chosen over waiting: a lease ends by
//! itself and a holder has to reckon with that, while nobody reckons with a lock that stays, and nobody could undo it.

use cache_core::Key;

use super::desk::{Desk, kept};
use super::fault::Fault;

/// How far from the future a state may be: a wall is put right by small steps.
const SKEW: i64 = 5_000_000_000;

/// A state that is to be, and until when in wall nanoseconds.
pub(super) type State = (Vec<u8>, u64);

impl Desk<'_> {
    /// Not later than this a state was written, if it is one.
    pub(super) fn latest_writing(&self) -> i64 {
        self.now().saturating_add(SKEW)
    }

    /// The state, if its time is not over, and has begun.
    pub(super) fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT state FROM states WHERE key = ?1 AND until > ?2 AND written <= ?3";
        self.first(sql, (key, self.now(), self.latest_writing()), |row| row.get(0))
    }

    pub(super) fn has_state(&self, key: &[u8]) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM states WHERE key = ?1 AND until > ?2 AND written <= ?3";
        Ok(self.first(sql, (key, self.now(), self.latest_writing()), |_| Ok(()))?.is_some())
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
                let sql =
                    "INSERT OR REPLACE INTO states (key, state, written, until) VALUES (?1, ?2, ?3, ?4)";
                self.run(sql, (key, state, self.now(), kept(*until)))?;
            }
        }
        Ok(true)
    }

    pub(super) fn drop_state(&self, key: &[u8]) -> Result<(), Fault> {
        self.run("DELETE FROM states WHERE key = ?1", [key]).map(drop)
    }
}
