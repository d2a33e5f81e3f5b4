//! Where the files lie, and whether the directory is ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache_core::{Error, Result};

use super::fault::at;

/// The directory of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    path: PathBuf,
    /// Nobody named it: it lies where everybody may write, so it is looked at before it is used.
    is_default: bool,
}

/// The file of one shard.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) home: Home,
    pub(super) index: u32,
    pub(super) shards: u32,
}

impl Home {
    pub(super) fn at(path: &Path) -> Self {
        // A later change of the working directory moves no cache.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { path, is_default: false }
    }

    /// A directory of this user and this program under the system's temporary one.
    pub(super) fn of_this_program() -> Self {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_stem).unwrap_or("program".as_ref());
        Self {
            path: std::env::temp_dir().join(format!("macadamia-{}", user())).join(program),
            is_default: true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory where there is none; only its owner may enter what is made here.
    pub(super) fn make(&self) -> Result<()> {
        if let Some(parent) = self.path.parent().filter(|_| self.is_default) {
            create(parent).and_then(|()| is_private(parent)).map_err(|error| at(parent, error))?;
        }
        create(&self.path).map_err(|error| at(&self.path, error))
    }
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        self.home.path.join(format!("cache-{}.db", self.index))
    }

    /// The file that knows the tags of all shards.
    pub(super) fn of_tags(&self) -> Self {
        Self { index: 0, ..self.clone() }
    }

    /// A failure of this shard, readable.
    pub(super) fn failed(&self, reason: impl std::fmt::Display) -> Error {
        at(&self.path(), reason)
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn user() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

#[cfg(not(unix))]
fn user() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

/// Another user could have made it first, to read along or to answer for us.
#[cfg(unix)]
fn is_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    let found = fs::symlink_metadata(path)?;
    let is_ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if is_ours && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::other("others can write there; name a directory with `directory=…`"))
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_default_directory_that_others_can_write_is_not_used() {
        use std::os::unix::fs::PermissionsExt;

        let temp = tempfile::tempdir().unwrap();
        let parent = temp.path().join("macadamia-0");
        let home = Home { path: parent.join("program"), is_default: true };
        home.make().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&parent), mode(&home.path)), (0o700, 0o700));
        home.make().unwrap();
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(home.make().unwrap_err().to_string().contains("others can write there"));
        fs::remove_dir_all(&parent).unwrap();
        std::os::unix::fs::symlink(temp.path(), &parent).unwrap();
        assert!(home.make().is_err(), "a link leads wherever its maker likes");
    }

    #[test]
    fn a_relative_directory_is_fixed_at_once() {
        assert!(Home::at(Path::new("cache/app")).path().is_absolute());
    }
}
