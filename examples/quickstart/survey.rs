//! One run: every file is asked for its digest and its facts.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::answers::{self, Facts};
use super::files;
use super::tally::Tally;

/// What a run found, and what it cost.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) files: Vec<Surveyed>,
    /// Calls that ran their function.
    pub(crate) computed: usize,
    /// Calls that the cache answered.
    pub(crate) hits: usize,
    /// The files that some call was computed for, by path.
    pub(crate) computed_files: BTreeSet<String>,
    /// How long the calls took together.
    pub(crate) took: Duration,
}

/// A file and the answers about it.
#[derive(Debug)]
pub(crate) struct Surveyed {
    pub(crate) path: String,
    pub(crate) digest: String,
    pub(crate) facts: Facts,
}

impl Survey {
    /// The file whose change is shown: a known one if it is there.
    pub(crate) fn file_to_change(&self) -> Option<&str> {
        let known = self.files.iter().find(|file| file.path == "README.md");
        known.or(self.files.first()).map(|file| file.path.as_str())
    }
}

/// Asks everything about every file under `root`; `done` is called with each path once it is answered.
pub(crate) async fn run(root: &Path, tally: &Tally, done: impl Fn(&str)) -> io::Result<Survey> {
    let sources = files::find(root)?;
    let mut surveyed = Vec::with_capacity(sources.len());
    tally.take();
    let started = Instant::now();
    for file in &sources {
        let digest = answers::digest(root, file).await?;
        let facts = answers::facts(root, &file.path).await?;
        surveyed.push(Surveyed { path: file.path.clone(), digest, facts });
        done(&file.path);
    }
    let took = started.elapsed();

    let counts = tally.take();
    let computed: HashSet<&str> = counts.computed.iter().map(String::as_str).collect();
    let mut computed_files = BTreeSet::new();
    for file in &sources {
        let keys = [answers::digest::key(file), answers::facts::key(&file.path)];
        if keys.iter().any(|key| computed.contains(key.as_str())) {
            computed_files.insert(file.path.clone());
        }
    }
    Ok(Survey { files: surveyed, computed: counts.computed.len(), hits: counts.hits, computed_files, took })
}
