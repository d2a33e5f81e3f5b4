//! The tables of a shard.
//!
//! Rows of `entries` are small, so that looking through keys, purging and making room never read a value; values lie
//! in `bodies`. A number has a `nonce`, which tells its write from every other. Times are wall nanoseconds since 1970,
//! `i64::MAX` is never. `bytes` in `meta` is the sum of all `size`s, moved in the transaction that moves them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::place::Place;

/// "mcdm": which program a database file belongs to.
const APPLICATION: i64 = 0x6d63_646d;
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE entries (
    key BLOB PRIMARY KEY,
    body INTEGER,
    number INTEGER,
    nonce INTEGER,
    stored INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER NOT NULL,
    size INTEGER NOT NULL,
    stamps BLOB
) WITHOUT ROWID;
CREATE INDEX due ON entries (expires) WHERE expires < 9223372036854775807;
CREATE INDEX idle ON entries (used);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE states (
    key BLOB PRIMARY KEY,
    state BLOB NOT NULL,
    written INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX over ON states (until) WHERE until < 9223372036854775807;
CREATE TABLE fills (
    key BLOB PRIMARY KEY,
    nonce INTEGER NOT NULL,
    holders INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX abandoned ON fills (until);
CREATE TABLE tags (tag BLOB PRIMARY KEY, nonce INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX uncarried ON tags (until);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Us,
}

/// Looks whose it is; a file of somebody else, of another version or of another number of shards is left alone.
pub(super) fn owner(connection: &Connection, place: &Place) -> Result<Owner, Fault> {
    // All of it at one moment: another process may be making the tables just now.
    let moment = connection.unchecked_transaction()?;
    owner_within(&moment, place)
}

fn owner_within(connection: &Connection, place: &Place) -> Result<Owner, Fault> {
    let read = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (application, version) = (read("PRAGMA application_id")?, read("PRAGMA user_version")?);
    if application == 0 && version == 0 && read("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Owner::Nobody);
    }
    if application != APPLICATION {
        return Err(place.failed("is a database of another program").into());
    }
    if version != VERSION {
        return Err(place.failed(format_args!("has format {version}, and this is for {VERSION}")).into());
    }
    let number = |name: &str| {
        connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, u32>(0))
    };
    let (index, shards) = (number("index")?, number("shards")?);
    if (index, shards) == (place.index, place.shards) {
        return Ok(Owner::Us);
    }
    let said = format_args!(
        "is shard {index} of {shards}, and asked for was {} of {}: say `shards={shards}`, or name another directory",
        place.index, place.shards
    );
    Err(place.failed(said).into())
}

/// Makes the tables, unless another process has just done so.
pub(super) fn make(connection: &Connection, place: &Place) -> Result<(), Fault> {
    let making = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if owner_within(&making, place)? == Owner::Us {
        return Ok(());
    }
    connection.execute_batch(TABLES)?;
    let mut meta = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
    for (name, value) in [("bytes", 0), ("index", place.index), ("shards", place.shards)] {
        meta.execute((name, value))?;
    }
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    drop(meta);
    Ok(making.commit()?)
}
