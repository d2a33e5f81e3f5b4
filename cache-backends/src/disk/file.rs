//! Opening the file of a shard.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use super::fault::{Fault, is_busy};
use super::place::Place;
use super::schema::{self, Owner};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// Reading, also where writing is not possible.
    Read,
}

/// How often somebody else is found to hold the database, and how long is waited each time: two seconds in all. Short
/// waits, as transactions are short and a long wait loses every race.
const TRIES: i32 = 2_000;
const PAUSE: Duration = Duration::from_millis(1);

/// So many pages are written to the log before they are brought into the file: 16 MiB. Neighbours that were written one
/// after the other are then brought over once.
const LOG_PAGES: i32 = 4_000;
/// A log that became larger is cut to this when it begins anew.
const LOG_BYTES: i64 = 32 << 20;
/// KiB of pages that each connection keeps, as the pragma wants it said.
const PAGES_KIB: i64 = -8_000;
const STATEMENTS: usize = 64;

/// An open shard.
pub(super) struct File {
    pub(super) connection: Connection,
    /// Opened as well as could be done: it may be possible to do better a little later.
    pub(super) is_makeshift: bool,
    identity: Option<Identity>,
    /// Pages in the log after the last commit, and when it was last brought over.
    log: Arc<AtomicI32>,
    brought_over: i32,
}

impl File {
    pub(super) fn open(place: &Place, access: Access) -> Result<Self, Fault> {
        let opened = place.home.make().map_err(Fault::from).and_then(|()| {
            agree(place)?;
            open_to_write(place)
        });
        let (mut connection, is_makeshift) = match (opened, access) {
            (Ok(connection), _) => (connection, false),
            (Err(fault), Access::Write) => return Err(fault),
            // Why it cannot be written tells more than why it cannot be read either.
            (Err(fault), Access::Read) => (open_to_read(place).ok_or(fault)?, true),
        };
        if access == Access::Read {
            connection.pragma_update(None, "query_only", true)?;
        }
        connection.pragma_update(None, "cache_size", PAGES_KIB)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let log = Arc::<AtomicI32>::default();
        let pages = Arc::clone(&log);
        // In place of bringing it over within the commit, while somebody waits for the answer.
        connection.wal_hook(Some(move |_: &mut Wal, now| {
            pages.store(now, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { connection, is_makeshift, identity: Identity::of(place), log, brought_over: 0 })
    }

    /// Brings what has gathered in the log into the file, beside whoever reads or writes. What is left is left for the
    /// next time, and for whoever closes the file as the last.
    pub(super) fn bring_over(&mut self) {
        let pages = self.log.load(Ordering::Relaxed);
        // It has begun anew since.
        self.brought_over = self.brought_over.min(pages);
        if pages - self.brought_over >= LOG_PAGES {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            self.brought_over = pages;
        }
    }

    /// Whether the file is still the one in the directory: it may have been removed, and another put there.
    pub(super) fn is_in_place(&self, place: &Place) -> bool {
        self.identity == Identity::of(place)
    }
}

/// The first shard is there before the others, so that whoever asks for another number finds out. One that is broken is no
/// concern of theirs.
fn agree(place: &Place) -> Result<(), Fault> {
    if place.index == 0 {
        return Ok(());
    }
    match open_to_write(&place.of_tags()) {
        Err(Fault::Answer(error)) => Err(error.into()),
        Ok(_) | Err(Fault::Database(_)) => Ok(()),
    }
}

fn open_to_write(place: &Place) -> Result<Connection, Fault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(place.path(), flags)?;
    be_patient(&mut connection)?;
    // Before anything is changed: it may be somebody else's.
    let owner = schema::owner(&connection, place)?;
    if connection.is_readonly("main")? {
        return Err(place.failed("cannot be written").into());
    }
    if owner == Owner::Nobody {
        // Kept from the first table on.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode = write_ahead(&connection)?;
    if mode != "wal" {
        return Err(place
            .failed("the file system has no shared memory, which a write-ahead log needs")
            .into());
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    if owner == Owner::Nobody {
        schema::make(&connection, place)?;
    }
    Ok(connection)
}

/// Several who open a new file at once are in each other's way without being asked to wait.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mut tries = 0;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error) if is_busy(&error) && tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Where nothing can be written: beside processes that do write, or from files at rest.
fn open_to_read(place: &Place) -> Option<Connection> {
    let path = place.path();
    let log = path.with_extension("db-wal");
    let is_at_rest = fs::metadata(&log).map_or(true, |log| log.len() == 0);
    let ways = [
        Some(format!("file:{}?mode=ro", uri(&path))),
        is_at_rest.then(|| format!("file:{}?immutable=1", uri(&path))),
    ];
    ways.into_iter().flatten().find_map(|uri| {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(uri, flags).ok()?;
        be_patient(&mut connection).ok()?;
        let is_ours = schema::owner(&connection, place).ok()? == Owner::Us;
        is_ours.then_some(connection)
    })
}

/// The characters that mean something in a URI.
fn uri(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn be_patient(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|tries| {
        thread::sleep(PAUSE);
        tries < TRIES
    }))
}

/// Which file it is, whatever its name.
#[derive(PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    number: (u64, u64),
}

impl Identity {
    /// Where files cannot be removed while they are open, one is like the other.
    fn of(place: &Place) -> Option<Self> {
        let found = fs::metadata(place.path()).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Some(Self { number: (found.dev(), found.ino()) })
        }
        #[cfg(not(unix))]
        {
            let _ = found;
            Some(Self {})
        }
    }
}
