//! Finding text files, and copying them to a place where they may be changed.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use super::answers::{SourceFile, Version};

/// Larger files are data rather than text.
const LARGEST: u64 = 2 * 1024 * 1024;
/// More than this is more than a first look needs.
const MOST_FILES: usize = 20_000;

/// A temporary copy of the text files of a directory; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Copied {
    directory: TempDir,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

impl Copied {
    pub(crate) fn of(source: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("macadamia-quickstart-").tempdir()?;
        let (mut files, mut bytes) = (0, 0);
        for file in find(source)?.into_iter().take(MOST_FILES) {
            // What cannot be read, or is no text, is left out.
            let Ok(text) = fs::read_to_string(source.join(&file.path)) else { continue };
            if text.contains('\0') {
                continue;
            }
            let target = directory.path().join(&file.path);
            fs::create_dir_all(target.parent().unwrap_or(directory.path()))?;
            fs::write(target, &text)?;
            files += 1;
            bytes += file.version.bytes;
        }
        if files == 0 {
            return Err(io::Error::other(format!("{}: no text files", source.display())));
        }
        Ok(Self { directory, files, bytes })
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }
}

/// The files under a directory, in the order of their paths. Hidden ones, build output, links and what is
/// larger than text usually is are passed over.
pub(crate) fn find(root: &Path) -> io::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(root.join(&directory)) {
            Ok(entries) => entries,
            Err(error) if directory.as_os_str().is_empty() => return Err(error),
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') {
            } else if kind.is_dir() && !is_output(&entry, &name) {
                directories.push(directory.join(name));
            } else if kind.is_file() {
                found.extend(source_file(&entry, &directory, &name));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Directories that tools write and nobody reads; cargo and others mark theirs.
fn is_output(entry: &DirEntry, name: &str) -> bool {
    matches!(name, "target" | "node_modules") || entry.path().join("CACHEDIR.TAG").exists()
}

fn source_file(entry: &DirEntry, directory: &Path, name: &str) -> Option<SourceFile> {
    let data = entry.metadata().ok().filter(|data| data.len() <= LARGEST)?;
    let modified_nanos = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let parts = directory.iter().filter_map(|part| part.to_str()).chain([name]);
    let path = parts.collect::<Vec<_>>().join("/");
    Some(SourceFile { path, version: Version { modified_nanos, bytes: data.len() } })
}
