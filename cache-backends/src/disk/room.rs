//! Making room: what is expired, what was used least of late, and pages that nothing is on.
//!
//! Several processes may do it at once: each transaction goes by what is there.

use super::desk::Desk;
use super::fault::Fault;

/// How many entries go in one step.
const STEP: u32 = 256;

/// How many rows are purged in one transaction.
const PART: u32 = 1_000;

/// Beyond the limit, this share of it is freed at once, so that not each store has to.
const SLACK: i64 = 64;

/// So many free pages are kept for what is stored next, beside a quarter of those in use.
const SPARE_PAGES: i64 = 256;

/// So many are given back in one transaction.
const GIVEN_BACK: i64 = 1_024;

impl Desk<'_> {
    /// Within the limit again: expired entries go first, then those whose last use is the longest ago. States, rights
    /// and tags stay, and so does the `newest`, of so many bytes.
    pub(super) fn make_room(&self, newest: i64) -> Result<(), Fault> {
        let Some(limit) = self.shared.limit.filter(|limit| self.bytes() > *limit) else { return Ok(()) };
        let enough = newest.max(limit - limit / SLACK);
        let ways = [
            "SELECT key FROM entries WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
            "SELECT key FROM entries WHERE used <= ?1 ORDER BY used LIMIT ?2",
        ];
        for (way, until) in ways.into_iter().zip([self.now(), i64::MAX]) {
            while self.bytes() > enough {
                let keys = self.all(way, (until, STEP), |row| row.get::<_, Vec<u8>>(0))?;
                if keys.is_empty() {
                    break;
                }
                for key in keys {
                    if self.bytes() <= enough {
                        break;
                    }
                    self.remove(&key)?;
                }
            }
        }
        Ok(())
    }

    /// Writes down which entries were read.
    pub(super) fn write_uses(&self) -> Result<(), Fault> {
        let now = self.now();
        for key in self.shared.take_uses() {
            let used = self.shared.next_use(now);
            self.run("UPDATE entries SET used = ?2 WHERE key = ?1", (key.as_str().as_bytes(), used))?;
        }
        Ok(())
    }

    /// Takes out what is expired; how many entries, or `None` while there is more to do.
    pub(super) fn purge(&self, purged: &mut u64) -> Result<Option<u64>, Fault> {
        let now = self.now();
        let due = "SELECT key FROM entries WHERE expires <= ?1 LIMIT ?2";
        let keys = self.all(due, (now, PART), |row| row.get::<_, Vec<u8>>(0))?;
        for key in &keys {
            self.remove(key)?;
        }
        let mut is_more = keys.len() == PART as usize;
        for table in ["states", "fills"] {
            let sql = format!(
                "DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE until <= ?1 LIMIT ?2)"
            );
            is_more |= self.run(&sql, (now, PART))? == PART as usize;
        }
        if self.has_tags() && !is_more {
            self.purge_tags()?;
        }
        is_more = is_more || self.give_back()?;
        *purged += keys.len() as u64;
        Ok((!is_more).then_some(*purged))
    }

    /// Gives free pages back to the file system; `true` while there are more.
    fn give_back(&self) -> Result<bool, Fault> {
        let read = |sql| self.first(sql, [], |row| row.get::<_, i64>(0)).map(Option::unwrap_or_default);
        let (free, all) = (read("PRAGMA freelist_count")?, read("PRAGMA page_count")?);
        let excess = free - SPARE_PAGES - (all - free) / 4;
        if excess <= 0 {
            return Ok(false);
        }
        let pages = excess.min(GIVEN_BACK);
        // Each step gives one page back.
        let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {}
        Ok(excess > pages)
    }
}
