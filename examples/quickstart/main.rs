//! Reads the text files of a directory three times: with an empty cache, with a full one, and after one file has
//! changed.
//!
//! ```text
//! cargo run --example quickstart [DIR]
//! ```
//!
//! Without a directory it reads this repository. It works on a temporary copy: no file of yours is touched.
//! `answers.rs` is where the cached functions are; the rest finds files, counts and prints.

mod answers;
mod files;
mod report;
mod survey;
mod tally;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use macadamia::Cache;

use files::Copied;
use tally::Tally;

#[tokio::main]
async fn main() -> ExitCode {
    // Interrupted, it ends as after an error, and takes its copy along.
    let outcome = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        outcome = run() => outcome,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let source = directory()?;
    // Goes away when this function ends, however it ends.
    let copy = Copied::of(&source)?;
    report::heading(&source, &copy);

    // Two entries per file, and room to spare: the memory backend evicts beyond its size.
    let memory = format!("mem://?size={}", 1_000 + 4 * copy.files);
    let tally = Arc::new(Tally::default());
    let seen = Arc::clone(&tally);
    Cache::builder()
        .route("", memory)
        .observer(move |event: &macadamia::Event<'_>| seen.note(event))
        .build()
        .await?
        .install()?;

    let cold = survey::run(copy.root(), &tally, report::progress("cold", copy.files)).await?;
    let warm = survey::run(copy.root(), &tally, report::progress("warm", copy.files)).await?;

    let changed = cold.file_to_change().ok_or("there is nothing to change")?;
    answers::append(copy.root(), changed, "One more line.\n").await?;
    let third = survey::run(copy.root(), &tally, report::progress("changed", copy.files)).await?;

    report::facts(&third);
    report::table(&cold, &warm, &third, changed);
    Ok(())
}

/// The directory that was asked for, else this repository.
fn directory() -> Result<PathBuf, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let asked = arguments.next().or_else(|| env::var_os("CARGO_MANIFEST_DIR")).map(PathBuf::from);
    if arguments.next().is_some() {
        return Err("usage: cargo run --example quickstart [DIR]".into());
    }
    let directory = asked.map_or_else(env::current_dir, Ok)?;
    directory.canonicalize().map_err(|error| format!("{}: {error}", directory.display()).into())
}
