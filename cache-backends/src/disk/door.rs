//! The way of one thread to the file of a shard: opened when it is needed, and again when it was lost.

use std::time::Duration;

use cache_core::{Result, Time};
use rusqlite::Connection;

use super::fault::Fault;
use super::file::{Access, File};
use super::place::Place;

/// How long a failure to open is the answer to everybody, and how often it is looked whether the file is still there.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Door {
    place: Place,
    access: Access,
    file: Option<File>,
    /// When it was last opened, tried to open, or looked at.
    looked: Time,
    failed: Option<cache_core::Error>,
}

impl Door {
    pub(super) const fn new(place: Place, access: Access) -> Self {
        Self { place, access, file: None, looked: Time::ORIGIN, failed: None }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// The connection, or why there is none.
    pub(super) fn enter(&mut self, now: Time) -> Result<&Connection> {
        let is_due = now.since(self.looked) >= PAUSE || self.looked == Time::ORIGIN;
        if let Some(file) = self.file.as_ref().filter(|_| is_due) {
            self.looked = now;
            if file.is_makeshift || !file.is_in_place(&self.place) {
                self.file = None;
            }
        }
        if self.file.is_none() {
            if let Some(error) = self.failed.as_ref().filter(|_| !is_due) {
                return Err(error.clone());
            }
            self.looked = now;
            self.failed = None;
            match File::open(&self.place, self.access) {
                Ok(file) => self.file = Some(file),
                Err(fault) => self.failed = Some(fault.told(&self.place.path())),
            }
        }
        match &self.file {
            Some(file) => Ok(&file.connection),
            None => Err(self.failed.clone().unwrap_or_else(|| self.place.failed("is not open"))),
        }
    }

    /// Time for what need not be waited for.
    pub(super) fn tidy(&mut self) {
        if let Some(file) = &mut self.file {
            file.bring_over();
        }
    }

    /// The connection is of no use any more: the next one is opened after a pause, and until then this is the answer.
    pub(super) fn shut(&mut self, fault: &Fault, now: Time) {
        if fault.ends_connection() {
            self.file = None;
            self.looked = now;
            self.failed = Some(fault.told(&self.place.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::place::Home;
    use std::fs;

    const START: Time = Time::from_nanos(5_000_000_000);

    #[test]
    fn what_could_not_be_opened_is_tried_again_a_second_later_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { home: Home::at(directory.path()), index: 0, shards: 1 };
        fs::create_dir(place.path()).unwrap();
        let mut door = Door::new(place.clone(), Access::Write);
        let told = door.enter(START).unwrap_err().to_string();
        fs::remove_dir(place.path()).unwrap();
        let almost = START.after(Duration::from_millis(999));
        assert_eq!(door.enter(almost).unwrap_err().to_string(), told);
        assert!(!place.path().exists(), "it was tried again");
        assert!(door.enter(START.after(PAUSE)).is_ok());
    }

    #[test]
    fn a_file_that_is_another_by_now_is_opened_within_a_second() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { home: Home::at(directory.path()), index: 0, shards: 1 };
        let mut door = Door::new(place.clone(), Access::Write);
        let is_filled = |door: &mut Door, now| {
            let connection = door.enter(now).unwrap();
            connection.query_row("SELECT count(*) FROM fills", [], |row| row.get::<_, i64>(0)).unwrap() == 1
        };
        let fill = "INSERT INTO fills VALUES (x'00', 1, 1, 1)";
        door.enter(START).unwrap().execute_batch(fill).unwrap();
        fs::remove_file(place.path()).unwrap();
        assert!(is_filled(&mut door, START), "it is not looked at each time");
        assert!(!is_filled(&mut door, START.after(PAUSE)), "entries that nobody else sees");
        assert!(place.path().exists());
    }
}
