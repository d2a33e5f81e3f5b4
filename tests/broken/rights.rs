//! Rights to fill that outlive what should have ended them.

use std::sync::Mutex;

use macadamia::{Fill, Key};

#[derive(Default)]
pub struct Rights {
    issued: Mutex<Vec<(Key, Fill)>>,
    pardoned: Mutex<Vec<(Key, Fill)>>,
}

impl Rights {
    pub fn note(&self, key: &Key, fill: Option<Fill>) {
        self.issued.lock().unwrap().extend(fill.map(|fill| (key.clone(), fill)));
    }

    pub fn of(&self, key: &Key) -> Vec<Fill> {
        let issued = self.issued.lock().unwrap();
        issued.iter().filter(|(other, _)| other == key).map(|(_, fill)| *fill).collect()
    }

    /// Rights of such keys stand whatever happens.
    pub fn pardon(&self, wanted: impl Fn(&Key) -> bool) {
        let issued = self.issued.lock().unwrap();
        self.pardoned.lock().unwrap().extend(issued.iter().filter(|(key, _)| wanted(key)).cloned());
    }

    pub fn is_pardoned(&self, key: &Key, fill: Fill) -> bool {
        self.pardoned.lock().unwrap().contains(&(key.clone(), fill))
    }
}
