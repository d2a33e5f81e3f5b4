//! What is asked of a file, and cached.

use std::io;
use std::path::Path;

use macadamia::{KeyPart, cached, invalidate};
use sha2::{Digest, Sha256};
use tokio::fs;

/// A text file as it stands on the disk.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Relative to the directory that is read, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) version: Version,
}

/// What tells two states of a file apart without reading it. Derived, it can be a part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, KeyPart)]
pub(crate) struct Version {
    pub(crate) modified_nanos: u128,
    pub(crate) bytes: u64,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Facts {
    pub(crate) lines: usize,
    pub(crate) words: usize,
    pub(crate) longest_line: usize,
    /// Functions of a `.rs` file.
    pub(crate) functions: usize,
    /// Headings of a `.md` file, tables of a `.toml` file.
    pub(crate) headings: usize,
}

/// The SHA-256 of a file. The version is in the key: a file that somebody has changed is another key.
#[cached(ttl = "1h", key = "digest:<file.path>:<file.version>")]
pub(crate) async fn digest(root: &Path, file: &SourceFile) -> io::Result<String> {
    let content = fs::read(root.join(&file.path)).await?;
    Ok(Sha256::digest(&content).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

/// What is in a file. The key is the path alone: whoever changes the file says so, as `append` does.
#[cached(ttl = "1h", key = "facts:<path>")]
pub(crate) async fn facts(root: &Path, path: &str) -> io::Result<Facts> {
    let text = fs::read_to_string(root.join(path)).await?;
    let is = |extension| Path::new(path).extension().is_some_and(|found| found == extension);
    let count = |wanted: fn(&str) -> bool| text.lines().filter(|line| wanted(line)).count();
    Ok(Facts {
        lines: text.lines().count(),
        words: text.split_whitespace().count(),
        longest_line: text.lines().map(|line| line.chars().count()).max().unwrap_or_default(),
        functions: if is("rs") { count(starts_function) } else { 0 },
        headings: match () {
            () if is("md") => count(|line| line.starts_with('#')),
            () if is("toml") => count(|line| line.starts_with('[')),
            () => 0,
        },
    })
}

/// Changes a file. What was known of it goes, unless writing failed.
#[invalidate(facts(path = path))]
pub(crate) async fn append(root: &Path, path: &str, text: &str) -> io::Result<()> {
    let path = root.join(path);
    let content = fs::read_to_string(&path).await? + text;
    fs::write(path, content).await
}

fn starts_function(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("//"));
    let mut words = words.skip_while(|word| {
        matches!(*word, "const" | "async" | "unsafe" | "extern") || word.starts_with("pub")
    });
    words.next() == Some("fn")
}
