//! Articles and comments: reads are cached, writes say what they make obsolete.
//!
//! ```text
//! cargo run --example invalidation
//! ```

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use macadamia::{Cache, cached, invalidate, purge};

// ── Reads ──

#[cached(ttl = "1h", key = "article:<id>")]
async fn article(id: u64) -> Option<String> {
    database().query().articles.get(&id).cloned()
}

#[cached(ttl = "10m", key = "articles:page:<number>")]
async fn list(number: usize) -> Vec<String> {
    let mut tables = database();
    let titles = tables.query().articles.values();
    titles.skip((number - 1) * PAGE).take(PAGE).cloned().collect()
}

#[cached(ttl = "10m", key = "comments:<article>")]
async fn comments(article: u64) -> Vec<String> {
    database().query().comments.get(&article).cloned().unwrap_or_default()
}

// ── Writes ──

/// A new title changes the article, and whatever list it is in: `list` alone means all its pages.
#[invalidate(article(id = id))]
#[invalidate(list)]
async fn rename(id: u64, title: &str) -> Result<(), NoSuchArticle> {
    let mut tables = database();
    let stored = tables.articles.get_mut(&id).ok_or(NoSuchArticle)?;
    title.clone_into(stored);
    Ok(())
}

/// A comment changes nothing but the comments of its article. An `Err` changes nothing at all, and so leaves the
/// cache alone.
#[invalidate(comments(article = id))]
async fn comment(id: u64, text: &str) -> Result<(), NoSuchArticle> {
    let mut tables = database();
    if !tables.articles.contains_key(&id) {
        return Err(NoSuchArticle);
    }
    tables.comments.entry(id).or_default().push(text.to_owned());
    Ok(())
}

/// Keys can also be named by patterns, for what is not a function of this program.
#[invalidate("article:<id>", "comments:<id>", "articles:page:*")]
async fn withdraw(id: u64) {
    let mut tables = database();
    tables.articles.remove(&id);
    tables.comments.remove(&id);
}

// ── The story ──

#[tokio::main]
async fn main() -> macadamia::Result<()> {
    // Without this line the embedded memory backend would serve as well.
    Cache::builder().route("", "mem://").build().await?.install()?;
    for (id, title) in [(1, "On nuts"), (2, "On squirrels"), (3, "On winter")] {
        database().articles.insert(id, title.to_owned());
    }

    told("every first read asks the database");
    assert_eq!(read("article(1)", article(1), true).await.as_deref(), Some("On nuts"));
    assert_eq!(read("list(1)", list(1), true).await, ["On nuts", "On squirrels"]);
    assert_eq!(read("list(2)", list(2), true).await, ["On winter"]);
    assert!(read("comments(1)", comments(1), true).await.is_empty());

    told("the second does not");
    assert_eq!(read("article(1)", article(1), false).await.as_deref(), Some("On nuts"));
    assert_eq!(read("list(1)", list(1), false).await, ["On nuts", "On squirrels"]);

    told("rename(1): the article and all pages of the list go, the comments stay");
    assert_eq!(rename(1, "On hazelnuts").await, Ok(()));
    assert_eq!(read("article(1)", article(1), true).await.as_deref(), Some("On hazelnuts"));
    assert_eq!(read("list(1)", list(1), true).await, ["On hazelnuts", "On squirrels"]);
    assert_eq!(read("list(2)", list(2), true).await, ["On winter"]);
    assert!(read("comments(1)", comments(1), false).await.is_empty());

    told("comment(1): its comments go, nothing else");
    assert_eq!(comment(1, "Tasty.").await, Ok(()));
    assert_eq!(read("comments(1)", comments(1), true).await, ["Tasty."]);
    assert_eq!(read("article(1)", article(1), false).await.as_deref(), Some("On hazelnuts"));

    told("comment(9) fails: what is known of article 9 stays");
    assert!(read("comments(9)", comments(9), true).await.is_empty());
    assert_eq!(comment(9, "Is anybody there?").await, Err(NoSuchArticle));
    assert!(read("comments(9)", comments(9), false).await.is_empty());

    told("withdraw(1): by patterns");
    withdraw(1).await;
    assert_eq!(read("article(1)", article(1), true).await, None);
    assert_eq!(read("list(1)", list(1), true).await, ["On squirrels", "On winter"]);

    told("an article that is not there is asked for each time: `None` is kept only with `none_ttl`");
    assert_eq!(read("article(1)", article(1), true).await, None);

    told("purge!, for changes that come from elsewhere");
    database().articles.insert(2, "On flying squirrels".to_owned());
    let removed = purge!(article(id = 2), list(number = 1)).await?;
    println!("   {removed} entry removed");
    assert_eq!(removed, 1, "article 2 was never read");
    assert_eq!(read("list(1)", list(1), true).await, ["On flying squirrels", "On winter"]);
    assert!(read("list(2)", list(2), true).await.is_empty());
    Ok(())
}

fn told(what: &str) {
    println!("\n{what}");
}

/// Awaits a read and shows where its answer came from; it must be the database exactly if `from_database`.
async fn read<T: std::fmt::Debug>(call: &str, reading: impl Future<Output = T>, from_database: bool) -> T {
    let before = database().queries;
    let answer = reading.await;
    let asked = database().queries > before;
    println!("   {call:<12} {:<9} {answer:?}", if asked { "database" } else { "cache" });
    assert_eq!(asked, from_database, "{call} came from elsewhere than it should");
    answer
}

// ── The database ──

const PAGE: usize = 2;

#[derive(Debug, PartialEq, Eq)]
struct NoSuchArticle;

#[derive(Debug, Default)]
struct Tables {
    articles: BTreeMap<u64, String>,
    comments: BTreeMap<u64, Vec<String>>,
    queries: usize,
}

impl Tables {
    fn query(&mut self) -> &Self {
        self.queries += 1;
        self
    }
}

fn database() -> MutexGuard<'static, Tables> {
    static TABLES: LazyLock<Mutex<Tables>> = LazyLock::new(Mutex::default);
    TABLES.lock().unwrap_or_else(PoisonError::into_inner)
}
