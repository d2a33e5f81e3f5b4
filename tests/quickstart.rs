//! The quickstart's own promise: after a change of one file, that file is computed again and no other.

#[path = "../examples/quickstart/answers.rs"]
mod answers;
#[path = "../examples/quickstart/files.rs"]
mod files;
#[path = "../examples/quickstart/survey.rs"]
mod survey;
#[path = "../examples/quickstart/tally.rs"]
mod tally;

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use macadamia::{Cache, Event, Scope};
use tempfile::TempDir;

use files::Copied;
use survey::Survey;
use tally::Tally;

fn a_small_project() -> io::Result<TempDir> {
    let project = tempfile::tempdir()?;
    for directory in ["src", ".git", "target/debug"] {
        fs::create_dir_all(project.path().join(directory))?;
    }
    let write = |path: &str, text: &str| fs::write(project.path().join(path), text);
    write("README.md", "# Small\n\n## Usage\n")?;
    write("src/main.rs", "fn main() {\n    helper();\n}\n\npub(crate) async fn helper() {}\n")?;
    write("src/a copy.rs", "fn main() {\n    helper();\n}\n\npub(crate) async fn helper() {}\n")?;
    write("Cargo.toml", "[package]\nname = \"small\"\n")?;
    write("picture.bin", "\0\0\0")?;
    write(".git/config", "[core]\n")?;
    write("target/debug/build.log", "built\n")?;
    Ok(project)
}

async fn counted() -> macadamia::Result<(Cache, Arc<Tally>)> {
    let tally = Arc::new(Tally::default());
    let seen = Arc::clone(&tally);
    let observer = move |event: &Event<'_>| seen.note(event);
    Ok((Cache::builder().route("", "mem://").observer(observer).build().await?, tally))
}

async fn survey(copy: &Copied, tally: &Tally) -> io::Result<Survey> {
    survey::run(copy.root(), tally, |_| ()).await
}

#[tokio::test]
async fn after_a_change_exactly_the_changed_file_is_computed_again() {
    let project = a_small_project().unwrap();
    let copy = Copied::of(project.path()).unwrap();
    let (cache, tally) = counted().await.unwrap();
    Scope::new()
        .cache(cache)
        .run(async {
            let cold = survey(&copy, &tally).await.unwrap();
            let paths: Vec<_> = cold.files.iter().map(|file| file.path.as_str()).collect();
            assert_eq!(paths, ["Cargo.toml", "README.md", "src/a copy.rs", "src/main.rs"]);
            assert_eq!((cold.computed, cold.hits), (8, 0));
            assert_eq!(cold.computed_files.len(), 4);
            assert!(cold.took > Duration::ZERO);

            let warm = survey(&copy, &tally).await.unwrap();
            assert_eq!((warm.computed, warm.hits), (0, 8));
            assert!(warm.computed_files.is_empty());

            answers::append(copy.root(), "src/a copy.rs", "fn more() {}\n").await.unwrap();
            let third = survey(&copy, &tally).await.unwrap();
            assert_eq!((third.computed, third.hits), (2, 6));
            assert_eq!(third.computed_files.into_iter().collect::<Vec<_>>(), ["src/a copy.rs"]);
            assert_eq!(third.files[2].facts.functions, cold.files[2].facts.functions + 1);
            assert_ne!(third.files[2].digest, cold.files[2].digest);
            assert_eq!(third.files[3].digest, cold.files[2].digest);
        })
        .await;
}

#[tokio::test]
async fn answers_are_true() {
    let project = a_small_project().unwrap();
    let copy = Copied::of(project.path()).unwrap();
    let (cache, tally) = counted().await.unwrap();
    let survey = Scope::new().cache(cache).run(survey(&copy, &tally)).await.unwrap();
    let facts = |path: &str| &survey.files.iter().find(|file| file.path == path).unwrap().facts;
    assert_eq!((facts("README.md").headings, facts("README.md").longest_line), (2, 8));
    assert_eq!((facts("src/main.rs").functions, facts("src/main.rs").lines), (2, 5));
    assert_eq!((facts("Cargo.toml").headings, facts("Cargo.toml").words), (1, 4));
    let digest = &survey.files[0].digest;
    assert_eq!(digest, "25a780c75f95e57d7735ed462fcc584b2ff622befc931307e9d786f6dd52c1c3");
    assert_eq!(survey.file_to_change(), Some("README.md"));
}

#[tokio::test]
async fn the_users_files_stay_as_they_are_and_the_copy_goes_away() {
    let project = a_small_project().unwrap();
    let copy = Copied::of(project.path()).unwrap();
    assert_eq!((copy.files, copy.bytes), (4, 165));
    let root = copy.root().to_owned();
    answers::append(&root, "README.md", "more\n").await.unwrap();
    assert_eq!(fs::read_to_string(project.path().join("README.md")).unwrap(), "# Small\n\n## Usage\n");
    drop(copy);
    assert!(!root.exists());
}

#[test]
fn a_directory_without_text_is_an_error_that_names_it() {
    let empty = tempfile::tempdir().unwrap();
    let error = Copied::of(empty.path()).unwrap_err().to_string();
    assert_eq!(error, format!("{}: no text files", empty.path().display()));
}
