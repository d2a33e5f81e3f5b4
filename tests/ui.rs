//! What is refused, and in which words: every rule has a file in `ui/` that breaks it, and beside it what the
//! compiler then says. `ui/pass/` holds what must compile.
//!
//! After a change of words: `TRYBUILD=overwrite cargo test --test ui`, and read the difference.
#![allow(clippy::unwrap_used, reason = "a folder that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "ui/pass/lints.rs"]
mod lints;
#[path = "ui/pass/names.rs"]
mod names;
#[path = "ui/pass/nothing_imported.rs"]
mod nothing_imported;
#[path = "ui/pass/renamed_crate.rs"]
mod renamed_crate;
#[path = "ui/rules.rs"]
mod rules;
#[path = "ui/pass/values.rs"]
mod values;
#[path = "ui/words.rs"]
mod words;

use rules::{COMPILER, OURS};

/// The release whose words the files of `COMPILER` quote.
const QUOTED: &str = "1.95";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

fn rules() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    OURS.iter().chain(COMPILER)
}

fn message(rule: &str) -> String {
    let path = root().join(format!("{rule}.stderr"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `cached/ttl_zero.rs`, …: every file in the folders of the attributes.
fn files() -> BTreeSet<String> {
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries(&root()).filter(|path| path.is_dir() && !path.ends_with("pass"));
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    files.map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")).collect()
}

#[test]
fn every_rule_has_a_file_and_every_file_a_rule() {
    let named: Vec<_> =
        rules().flat_map(|(rule, _)| [format!("{rule}.rs"), format!("{rule}.stderr")]).collect();
    let files = files();
    let missing: Vec<_> = named.iter().filter(|name| !files.contains(*name)).collect();
    let unnamed: Vec<_> = files.iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty() && unnamed.is_empty(), "missing: {missing:?}\nwithout a rule: {unnamed:?}");

    let (rules, texts): (BTreeSet<_>, BTreeSet<_>) = rules().copied().unzip();
    assert_eq!(rules.len() * 2, named.len(), "a rule is listed twice");
    assert!(texts.iter().all(|text| !text.is_empty()));
}

#[test]
fn every_sentence_of_the_macros_is_said_in_a_file() {
    let said: String = rules().map(|(rule, _)| message(rule)).collect();
    let unsaid = words::unsaid(&said);
    assert!(unsaid.is_empty(), "messages that no file shows: {unsaid:#?}");
}

#[tokio::test]
async fn what_must_compile_does_and_runs() {
    lints::run().await;
    names::run().await;
    nothing_imported::run().await;
    renamed_crate::run().await;
    values::run().await;
    assert_eq!(
        fs::read_dir(root().join("pass")).unwrap().count(),
        5,
        "a file in `pass` is not a module here"
    );
}

#[test]
fn the_compiler_speaks_only_where_it_is_expected_to() {
    // It numbers its errors and adds its own advice; what a macro says stands alone.
    let quotes = |text: &str| {
        ["error[", "warning", "= note:", "= help:", "\nhelp:", "\nnote:"]
            .iter()
            .any(|word| text.contains(word))
    };
    for (rule, _) in OURS {
        assert!(!quotes(&message(rule)), "{rule} quotes the compiler: move it to `COMPILER`");
    }
    for (rule, _) in COMPILER {
        assert!(quotes(&message(rule)), "{rule} does not quote the compiler: move it to `OURS`");
    }
}

#[test]
fn mistakes_are_explained() {
    let compiler =
        Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let compiler = String::from_utf8_lossy(&compiler);
    let cases = trybuild::TestCases::new();
    OURS.iter().for_each(|(rule, _)| cases.compile_fail(root().join(format!("{rule}.rs"))));
    if compiler.starts_with(&format!("rustc {QUOTED}.")) {
        COMPILER.iter().for_each(|(rule, _)| cases.compile_fail(root().join(format!("{rule}.rs"))));
    } else {
        println!(
            "{} messages quote rustc {QUOTED} and are not compared with {}",
            COMPILER.len(),
            compiler.trim()
        );
    }
}
