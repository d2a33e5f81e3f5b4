//! The pages in `docs/`: their Rust is compiled here, their timelines are drawn by running it.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::unused_async, reason = "the pages show where the work would be")]

mod cached;
mod circuit_breaker;
#[cfg(all(feature = "json", feature = "msgpack"))]
mod codecs;
mod early;
mod fail;
mod fleet;
mod hit;
mod invalidate;
mod locked;
mod outages;
mod perf;
mod rate_limit;
#[cfg(all(unix, feature = "redis"))]
mod redis;
mod soft;
mod stacking;
#[path = "../support/mod.rs"]
mod support;
mod timeline;

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use macadamia::Error;

/// What the functions of the pages return when they have no answer.
#[derive(Debug, Clone, PartialEq)]
enum AppError {
    Timeout,
    /// By one of our guards.
    Refused(String),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Refused(error.to_string())
    }
}

/// As a cell of a timeline.
fn cell<T: Display>(answer: &Result<T, AppError>) -> String {
    match answer {
        Ok(value) => value.to_string(),
        Err(AppError::Timeout) => "Err".to_owned(),
        Err(AppError::Refused(_)) => "-".to_owned(),
    }
}

/// Answers with how often it has answered, or not at all.
struct Source {
    runs: AtomicU32,
    answers: AtomicU32,
    down: AtomicBool,
}

impl Source {
    const fn new() -> Self {
        Self { runs: AtomicU32::new(0), answers: AtomicU32::new(0), down: AtomicBool::new(false) }
    }

    fn is_down(&self, down: bool) {
        self.down.store(down, SeqCst);
    }

    async fn ask(&self) -> Result<u32, AppError> {
        self.runs.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        if self.down.load(SeqCst) {
            return Err(AppError::Timeout);
        }
        Ok(self.answers.fetch_add(1, SeqCst) + 1)
    }

    fn runs(&self) -> u32 {
        self.runs.load(SeqCst)
    }

    /// How often it was asked since `before`, as a cell of a timeline.
    fn ran_since(&self, before: u32) -> &'static str {
        match self.runs() - before {
            0 => "",
            1 if self.down.load(SeqCst) => "fails",
            1 => "runs",
            _ => "runs twice",
        }
    }
}

/// Every page that shows Rust, and where that is compiled.
const PAGES: [(&str, &str, &str); 15] = [
    ("cached", include_str!("../../docs/cached.md"), include_str!("cached.rs")),
    ("circuit_breaker", include_str!("../../docs/circuit_breaker.md"), include_str!("circuit_breaker.rs")),
    ("codecs", include_str!("../../docs/codecs.md"), include_str!("codecs.rs")),
    ("early", include_str!("../../docs/early.md"), include_str!("early.rs")),
    ("fail", include_str!("../../docs/fail.md"), include_str!("fail.rs")),
    ("fleet", include_str!("../../docs/fleet.md"), include_str!("fleet.rs")),
    ("hit", include_str!("../../docs/hit.md"), include_str!("hit.rs")),
    ("invalidate", include_str!("../../docs/invalidate.md"), include_str!("invalidate.rs")),
    ("locked", include_str!("../../docs/locked.md"), include_str!("locked.rs")),
    ("outages", include_str!("../../docs/outages.md"), include_str!("outages.rs")),
    ("perf", include_str!("../../docs/perf.md"), include_str!("perf.rs")),
    ("rate_limit", include_str!("../../docs/rate_limit.md"), include_str!("rate_limit.rs")),
    ("redis", include_str!("../../docs/redis.md"), include_str!("redis.rs")),
    ("soft", include_str!("../../docs/soft.md"), include_str!("soft.rs")),
    ("stacking", include_str!("../../docs/stacking.md"), include_str!("stacking.rs")),
];

/// Lines without their indentation, and without empty ones.
fn lines(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .fold(String::from("\n"), |all, line| all + line + "\n")
}

#[test]
fn every_block_of_the_pages_rust_stands_in_a_module_of_its_name() {
    for (name, page, module) in PAGES {
        let module = lines(module);
        let mut blocks =
            page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).peekable();
        assert!(blocks.peek().is_some(), "{name}.md shows no Rust");
        for block in blocks {
            assert!(
                module.contains(&lines(block)),
                "{name}.md shows what {name}.rs does not compile:\n{block}"
            );
        }
    }
}

#[test]
fn every_attribute_has_a_page_and_every_page_is_listed() {
    let list = include_str!("../../docs/README.md");
    for (name, page, _) in PAGES {
        assert!(list.contains(&format!("]({name}.md)")), "{name}.md is not listed");
        if !["codecs", "fleet", "outages", "redis", "stacking"].contains(&name) {
            assert!(page.starts_with(&format!("# `#[{name}]`\n")), "the title of {name}.md");
        }
    }
    let macros = include_str!("../../cache-macros/src/lib.rs");
    let attributes = macros.split("#[proc_macro_attribute]\npub fn ").skip(1);
    for name in attributes.map(|rest| rest.split('(').next().unwrap()) {
        assert!(PAGES.iter().any(|(page, ..)| *page == name), "#[{name}] has no page");
    }
}

#[test]
fn every_link_leads_to_a_page() {
    let pages = PAGES.iter().map(|(name, page, _)| (*name, *page));
    for (name, page) in pages.chain([("README", include_str!("../../docs/README.md"))]) {
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let path = link.split('#').next().unwrap();
            let exists = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path).exists();
            assert!(exists, "{name}.md links to {link}");
        }
    }
}
