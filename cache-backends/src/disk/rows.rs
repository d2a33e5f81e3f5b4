//! Entries as rows.

use std::sync::Arc;

use cache_core::{Encoded, Entry, Error, Key, Meta};
use rusqlite::types::ValueRef;

use super::desk::{Desk, NEVER, wall};
use super::fault::Fault;
use super::stamps;

/// Bytes a row takes beside its key and value: two indexes, times, the fill of pages. Measured with small entries.
pub(super) const OVERHEAD: usize = 128;

/// How old the last use of an entry is before another is worth writing down.
const STALE_USE: i64 = 10_000_000_000;

/// What is kept of an entry beside its value.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) body: Option<i64>,
    pub(super) number: Option<i64>,
    pub(super) nonce: Option<i64>,
    pub(super) expires: i64,
    pub(super) size: i64,
    pub(super) stamps: Option<Vec<u8>>,
}

/// What is stored.
pub(super) enum Value<'e> {
    Bytes(&'e [u8]),
    Number(i64),
}

impl<'e> Value<'e> {
    pub(super) fn of(entry: &'e Entry) -> Result<Self, Fault> {
        let bytes = entry.encoded().map(|bytes| Self::Bytes(bytes));
        let number = || entry.downcast_ref().copied().map(Self::Number);
        bytes
            .or_else(number)
            .ok_or_else(|| Error::backend("only bytes and whole numbers are kept on disk").into())
    }

    const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Number(_) => size_of::<i64>(),
        }
    }
}

/// The bytes that an entry counts.
pub(super) fn size(key: &[u8], value: &Value<'_>, stamps: Option<&[u8]>) -> i64 {
    i64::try_from(key.len() + value.len() + stamps.map_or(0, <[u8]>::len) + OVERHEAD).unwrap_or(NEVER)
}

/// For one write of a number: equal numbers that were written twice are two. A time would not do, since what comes
/// back of one has passed through two clocks, and they are not the same after a boot. Neither zero, which is none, nor
/// odd, which is an entry whose hits are counted from its beginning.
fn nonce() -> i64 {
    (fastrand::u64(1..=u64::MAX >> 1) << 1).cast_signed()
}

const READ: &str = "SELECT e.expires, e.number, e.stamps, e.used, b.bytes, e.stored, e.nonce \
                    FROM entries e LEFT JOIN bodies b ON b.id = e.body WHERE e.key = ?1";
const ROW: &str = "SELECT body, number, nonce, expires, size, stamps FROM entries WHERE key = ?1";
const INSERT: &str = "INSERT INTO entries (key, body, number, nonce, stored, expires, used, size, stamps) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
                      ON CONFLICT (key) DO UPDATE SET body = ?2, number = ?3, nonce = ?4, stored = ?5, expires = ?6, \
                      used = ?7, size = ?8, stamps = ?9";

impl Desk<'_> {
    /// The entry, if it is not expired; whether its tags stand is for the cache to ask.
    pub(super) fn get(&self, key: &Key) -> Result<Option<Arc<Entry>>, Fault> {
        let moment = self.moment();
        let now = super::desk::kept(moment.wall);
        let mut used = i64::MAX;
        let entry = self.first(READ, [key.as_str().as_bytes()], |row| {
            let expires: i64 = row.get(0)?;
            if expires <= now {
                return Ok(None);
            }
            used = row.get(3)?;
            let mut meta = Meta::new(moment.time_of(wall(row.get(5)?)), moment.time_of(wall(expires)));
            meta.nonce = row.get::<_, Option<i64>>(6)?.map_or(0, i64::cast_unsigned);
            let entry = match (row.get_ref(1)?, row.get_ref(4)?) {
                (ValueRef::Integer(number), _) => Entry::new(number, meta),
                (_, ValueRef::Blob(bytes)) => Entry::new(Encoded(bytes.to_vec().into()), meta),
                _ => return Ok(None),
            };
            let tags = row.get_ref(2)?.as_blob_or_null()?.unwrap_or_default();
            Ok(Some(entry.stamped(stamps::stamps(tags))))
        })?;
        if self.shared.limit.is_some() && used.saturating_add(STALE_USE) < now {
            self.shared.note(key);
        }
        Ok(entry.flatten())
    }

    /// What is there, living or not.
    pub(super) fn row(&self, key: &[u8]) -> Result<Option<Row>, Fault> {
        self.first(ROW, [key], |row| {
            Ok(Row {
                body: row.get(0)?,
                number: row.get(1)?,
                nonce: row.get(2)?,
                expires: row.get(3)?,
                size: row.get(4)?,
                stamps: row.get(5)?,
            })
        })
    }

    /// What is there, neither expired nor of a deleted tag.
    pub(super) fn living(&self, key: &[u8]) -> Result<Option<Row>, Fault> {
        let Some(row) = self.row(key)? else { return Ok(None) };
        Ok(self.lives(&row)?.then_some(row))
    }

    pub(super) fn lives(&self, row: &Row) -> Result<bool, Fault> {
        Ok(row.expires > self.now() && self.stand(row.stamps.as_deref())?)
    }

    pub(super) fn body(&self, id: i64) -> Result<Option<Vec<u8>>, Fault> {
        self.first("SELECT bytes FROM bodies WHERE id = ?1", [id], |row| row.get(0))
    }

    /// Stores over whatever is there; `false` if it is larger than everything that fits, and then nothing is there.
    pub(super) fn put(
        &self,
        key: &[u8],
        value: &Value<'_>,
        expires: i64,
        stamps: Option<&[u8]>,
    ) -> Result<bool, Fault> {
        let size = size(key, value, stamps);
        if !self.fits(size) {
            self.remove(key)?;
            return Ok(false);
        }
        if !self.fits(self.bytes().saturating_add(size)) {
            // Before this use, which is the latest of all.
            self.write_uses()?;
        }
        let before = self.row(key)?;
        let body = self.put_body(before.as_ref().and_then(|row| row.body), value)?;
        let (number, nonce) = match value {
            Value::Number(number) => (Some(*number), Some(nonce())),
            Value::Bytes(_) => (None, None),
        };
        let now = self.now();
        let used = self.shared.next_use(now);
        self.run(INSERT, (key, body, number, nonce, now, expires, used, size, stamps))?;
        self.grow(size - before.map_or(0, |row| row.size));
        if let Some(stamps) = stamps.filter(|_| self.has_tags()) {
            self.prolong(stamps, expires)?;
        }
        self.make_room(size)?;
        Ok(true)
    }

    /// Whether so many bytes are within the limit.
    pub(super) fn fits(&self, bytes: i64) -> bool {
        self.shared.limit.is_none_or(|limit| bytes <= limit)
    }

    /// Where the value lies then.
    fn put_body(&self, present: Option<i64>, value: &Value<'_>) -> Result<Option<i64>, Fault> {
        match (present, value) {
            (Some(id), Value::Bytes(bytes)) => {
                self.run("INSERT OR REPLACE INTO bodies VALUES (?1, ?2)", (id, bytes))?;
                Ok(Some(id))
            }
            (None, Value::Bytes(bytes)) => {
                self.run("INSERT INTO bodies (bytes) VALUES (?1)", [bytes])?;
                Ok(Some(self.connection.last_insert_rowid()))
            }
            (Some(id), Value::Number(_)) => {
                self.run("DELETE FROM bodies WHERE id = ?1", [id])?;
                Ok(None)
            }
            (None, Value::Number(_)) => Ok(None),
        }
    }

    /// Removes what is there; tells what it was.
    pub(super) fn remove(&self, key: &[u8]) -> Result<Option<Row>, Fault> {
        let Some(row) = self.row(key)? else { return Ok(None) };
        self.run("DELETE FROM entries WHERE key = ?1", [key])?;
        if let Some(id) = row.body {
            self.run("DELETE FROM bodies WHERE id = ?1", [id])?;
        }
        self.grow(-row.size);
        Ok(Some(row))
    }
}
