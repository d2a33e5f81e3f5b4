//! Rights to store what is being computed, by whichever process.
//!
//! A right has a time only so that a process that died holding one leaves nothing behind for ever: as long as the row
//! is there the right stands.

use cache_core::Fill;

use super::desk::Desk;
use super::fault::Fault;

/// How long a right lies around that nobody gives back, in nanoseconds: an hour after it was last joined.
pub(super) const ABANDONED: i64 = 3_600 * 1_000_000_000;

/// What becomes of the rights to a key when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    End,
    /// It is the same value, in another envelope.
    Stand,
}

impl Desk<'_> {
    /// Takes the right, joining one that stands.
    pub(super) fn begin_fill(&self, key: &[u8]) -> Result<Fill, Fault> {
        const JOIN: &str = "INSERT INTO fills (key, nonce, holders, until) VALUES (?1, ?2, 1, ?3) \
                            ON CONFLICT (key) DO UPDATE SET holders = holders + 1, until = max(until, ?3) \
                            RETURNING nonce";
        let fresh = fastrand::u64(..);
        let until = self.now().saturating_add(ABANDONED);
        let nonce = self.first(JOIN, (key, fresh.cast_signed(), until), |row| row.get::<_, i64>(0))?;
        Ok(Fill(nonce.map_or(fresh, i64::cast_unsigned)))
    }

    /// Gives one back; one that was dropped is no concern of who took the next.
    pub(super) fn end_fill(&self, key: &[u8], Fill(nonce): Fill) -> Result<(), Fault> {
        let nonce = nonce.cast_signed();
        let last =
            self.run("DELETE FROM fills WHERE key = ?1 AND nonce = ?2 AND holders <= 1", (key, nonce))?;
        if last == 0 {
            self.run("UPDATE fills SET holders = holders - 1 WHERE key = ?1 AND nonce = ?2", (key, nonce))?;
        }
        Ok(())
    }

    pub(super) fn permits(&self, key: &[u8], nonce: u64) -> Result<bool, Fault> {
        let stands =
            self.first("SELECT nonce FROM fills WHERE key = ?1", [key], |row| row.get::<_, i64>(0))?;
        Ok(stands == Some(nonce.cast_signed()))
    }

    /// From now on what was begun before is not stored.
    pub(super) fn drop_fill(&self, key: &[u8]) -> Result<(), Fault> {
        self.run("DELETE FROM fills WHERE key = ?1", [key]).map(drop)
    }
}
