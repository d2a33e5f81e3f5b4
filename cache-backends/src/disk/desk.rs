//! Where a job is done: a connection in a transaction, at one time.

use std::cell::{Cell, RefCell};

use cache_core::{Moment, Time};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::door::Door;
use super::fault::Fault;
use super::shared::Shared;

/// What never ends, in a row.
pub(super) const NEVER: i64 = i64::MAX;

pub(super) struct Desk<'c> {
    pub(super) connection: &'c Connection,
    pub(super) shared: &'c Shared,
    tags: &'c Tags,
    /// The bytes of the shard when the transaction began, and by how much they have grown in it.
    bytes: i64,
    growth: Cell<i64>,
}

/// Where the generations of tags are: in this file, or in that of the first shard.
pub(super) enum Tags {
    Here,
    There(Box<RefCell<Door>>),
}

impl<'c> Desk<'c> {
    pub(super) const fn new(
        connection: &'c Connection,
        shared: &'c Shared,
        tags: &'c Tags,
        bytes: i64,
    ) -> Self {
        Self { connection, shared, tags, bytes, growth: Cell::new(0) }
    }

    // ── Time ──

    pub(super) fn moment(&self) -> Moment {
        Moment::of(self.shared.clock())
    }

    /// Wall nanoseconds.
    pub(super) fn now(&self) -> i64 {
        kept(self.shared.clock().wall())
    }

    /// A time of the clock as rows have it.
    pub(super) fn kept(&self, time: Time) -> i64 {
        kept(self.moment().wall_of(time))
    }

    // ── Statements ──

    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        first(self.connection, sql, params, read)
    }

    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    // ── Tags ──

    pub(super) const fn has_tags(&self) -> bool {
        matches!(self.tags, Tags::Here)
    }

    /// Asks where the tags are.
    pub(super) fn of_tags<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        let Tags::There(door) = self.tags else { return self.first(sql, params, read) };
        let now = self.shared.clock().now();
        let mut door = door.borrow_mut();
        let found = first(door.enter(now)?, sql, params, read);
        found.map_err(|fault| {
            door.shut(&fault, now);
            // Of another file: nothing is wrong with this one.
            Fault::Answer(fault.told(&door.place().path()))
        })
    }

    // ── Bytes ──

    pub(super) fn grow(&self, by: i64) {
        self.growth.set(self.growth.get().saturating_add(by));
    }

    pub(super) const fn growth(&self) -> i64 {
        self.growth.get()
    }

    /// All that is kept now.
    pub(super) const fn bytes(&self) -> i64 {
        self.bytes.saturating_add(self.growth.get())
    }
}

fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Fault> {
    Ok(connection.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// Wall nanoseconds as rows have them.
pub(super) fn kept(wall: u64) -> i64 {
    i64::try_from(wall).unwrap_or(NEVER)
}

/// Wall nanoseconds as clocks have them.
pub(super) fn wall(kept: i64) -> u64 {
    if kept == NEVER { u64::MAX } else { u64::try_from(kept).unwrap_or_default() }
}
