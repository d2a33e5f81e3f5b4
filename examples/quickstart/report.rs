//! What is shown: a progress bar while a run works, a table at the end.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::files::Copied;
use super::survey::Survey;

pub(crate) fn heading(source: &Path, copy: &Copied) {
    println!(
        "{}: {} text files, {} KiB, read from a temporary copy\n",
        source.display(),
        copy.files,
        copy.bytes.div_ceil(1024)
    );
}

/// A bar on standard error, where that is a terminal; gone when the run is over.
pub(crate) fn progress(run: &'static str, files: usize) -> impl Fn(&str) {
    let bar = ProgressBar::new(files as u64).with_prefix(run);
    if let Ok(style) = ProgressStyle::with_template("{prefix:8} {bar:30} {pos}/{len} {wide_msg:.dim}") {
        bar.set_style(style);
    }
    let bar = OnScreen(bar);
    move |path| {
        bar.0.set_message(path.to_owned());
        bar.0.inc(1);
    }
}

struct OnScreen(ProgressBar);

impl Drop for OnScreen {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What the files are like, all together.
pub(crate) fn facts(survey: &Survey) {
    let sum = |of: fn(&super::answers::Facts) -> usize| -> usize {
        survey.files.iter().map(|file| of(&file.facts)).sum()
    };
    println!(
        "{} lines, {} words, {} Rust functions, {} headings and tables",
        sum(|facts| facts.lines),
        sum(|facts| facts.words),
        sum(|facts| facts.functions),
        sum(|facts| facts.headings)
    );
    if let Some(file) = survey.files.iter().max_by_key(|file| file.facts.longest_line) {
        println!("longest line: {} characters, in {}", file.facts.longest_line, file.path);
    }
    let mut copies: HashMap<&str, usize> = HashMap::new();
    survey.files.iter().for_each(|file| *copies.entry(file.digest.as_str()).or_default() += 1);
    println!("different contents: {} (by SHA-256)\n", copies.len());
}

pub(crate) fn table(cold: &Survey, warm: &Survey, third: &Survey, changed: &str) {
    println!("{:<22} {:>6} {:>9} {:>15} {:>10}", "run", "files", "computed", "from the cache", "time");
    for (name, run) in [("cold", cold), ("warm", warm), ("after one change", third)] {
        println!(
            "{name:<22} {:>6} {:>9} {:>15} {:>10}",
            run.files.len(),
            run.computed,
            run.hits,
            shown(run.took)
        );
    }
    let times = cold.took.as_secs_f64() / warm.took.as_secs_f64().max(f64::EPSILON);
    let computed: Vec<_> = third.computed_files.iter().map(String::as_str).collect();
    println!("\nThe warm run was {times:.0} times as fast as the cold one.");
    println!("Changed: {changed}. Computed again: {}.", computed.join(", "));
}

fn shown(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}
