//! What the attributes print, made readable: snapshots of a few typical functions in `snapshots/`.
//!
//! After a change: `INSTA_UPDATE=always cargo test --test expansion`, twice (the page is made from the snapshots),
//! and read the difference.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the modules are those of another crate, and not all are used"
)]

include!("../cache-macros/src/modules.rs");

use quote::ToTokens;

/// A function and what its attributes make of it, formatted; common paths are shortened.
fn expanded(source: &str) -> String {
    let mut function: syn::ItemFn = syn::parse_str(source).unwrap();
    let first = function.attrs.remove(0);
    let name = first.path().get_ident().unwrap().to_string();
    let arguments = first.meta.require_list().unwrap().tokens.clone();
    let printed = expand::attribute(attribute::ALL, &name, arguments, function.into_token_stream());
    let file = syn::parse2(printed).unwrap();
    let mut printed = prettyplease::unparse(&file);
    for (path, short) in
        [("::macadamia::__private::", "__private::"), ("::core::option::", ""), ("::core::result::", "")]
    {
        printed = printed.replace(path, short);
    }
    format!("{}\n\n// becomes\n\n{printed}", source.trim())
}

/// The page that shows the snapshots to users: what it says before each, and which one.
const PAGE: &[(&str, &str)] = &[
    (
        "# What the attributes expand to\n\nThe function keeps its signature, its attributes and its body, \
        which runs once, in place. Around it stand blocks, one for each attribute, the top one outermost: *enter* \
        answers or hands out a token, the function runs, *leave* stores. `__private` is `macadamia::__private`, \
        which is no part of the API. This page is made from what the attributes print, and checked by \
        `tests/expansion.rs`.\n\n## A template and a ttl\n\nThe key is written into a buffer on the stack, \
        and `enter` looks once without waiting: a hit ends there. What comes after is the miss: wait for whoever \
        computes the key already, or `run` the body, decide with `keep`, store with `leave`.",
        "template",
    ),
    (
        "## The default key, and the handle\n\nBeside the function stands an empty enum of its name, in the \
        namespace of types: `items::key(3)`, `items::invalidate(3)`, `items::stats()`. The last block is what \
        `#[invalidate(items(page = …))]` is checked against.",
        "default_key",
    ),
    (
        "## Every option of storing\n\nExpressions are evaluated before the body, closures see the answer after it.",
        "options",
    ),
    ("## Invalidation\n\nThe targets are made from the arguments before the body runs.", "invalidate"),
    (
        "## A guard\n\n`enter` refuses, or hands out a token that `leave` takes back with what the function made of the \
        call.",
        "guard",
    ),
    ("## A lock\n\nIt is held while the function runs, and given back whatever ends the call.", "lock"),
    (
        "## Beside the call\n\nWhat the refresh needs is its own: `own` copies what is borrowed, a closure takes it along \
        and lends it to the body under the same names, and `self` becomes `__self`. On a miss the closure runs in place; \
        for a refresh its future goes to a task of its own, and the call is answered with what is there.",
        "early",
    ),
    (
        "## The present value in place of an error\n\nThe way of `cached`, in place and without bounds. How long a value \
        is fresh goes with it into the cache; which errors it answers in place of is asked after the body.",
        "soft",
    ),
    (
        "## So many answers\n\nWithout `update_before` or `update_after` nothing runs beside a call: what is left is a \
        count, in the policy.",
        "hit",
    ),
    ("## Two attributes\n\nThe top one is outermost.", "layers"),
];

#[test]
fn the_page_shows_what_is_printed() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown = PAGE.iter().map(|(text, name)| {
        let snapshot = root.join(format!("tests/snapshots/{name}.snap"));
        let snapshot = std::fs::read_to_string(snapshot).unwrap();
        let code = snapshot.splitn(3, "---\n").nth(2).unwrap();
        format!("{text}\n\n```rust\n{}\n```\n", code.trim_end())
    });
    let page = shown.collect::<Vec<_>>().join("\n");
    let place = root.join("docs/expansion.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&place, &page).unwrap();
    }
    let written = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(
        written == page,
        "docs/expansion.md is out of date: INSTA_UPDATE=always cargo test --test expansion"
    );
}

macro_rules! snapshot {
    ($name:literal, $source:literal) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, expanded($source)));
    }};
}

#[test]
fn a_template_and_a_ttl() {
    snapshot!(
        "template",
        r#"
#[cached(ttl = "3h", key = "user:<user.uid>:<lang:lower>", handle = false)]
async fn profile(user: &User, lang: &str) -> Result<Profile, AppError> {
    load(user.uid, lang).await
}"#
    );
}

#[test]
fn the_default_key_and_the_handle() {
    snapshot!(
        "default_key",
        r#"
#[cached(ttl = "90s", skip(db))]
pub async fn items(db: &Db, page: u32) -> Vec<Item> {
    db.items(page).await
}"#
    );
}

#[test]
fn every_option_of_storing() {
    snapshot!(
        "options",
        r#"
#[cached(
    ttl = |found| found.ttl(),
    key = |query| query.normal(),
    prefix = "v2",
    condition = |found| found.is_complete(),
    time_condition = "50ms",
    none_ttl = "30s",
    err_ttl(AppError::NotFound(_) = "5s"),
    jitter = "10%",
    when = !query.is_private(),
    cache = SEARCHES,
    lock = "10s",
    version = 3,
    codec = crate::Packed,
    handle = false,
)]
async fn search(query: &Query) -> Result<Option<Found>, AppError> {
    query.run().await
}"#
    );
}

#[test]
fn invalidation() {
    snapshot!(
        "invalidate",
        r#"
#[invalidate(profile(user.uid = id, lang = _), "users:page:*")]
async fn rename(id: u64, name: String) -> Result<(), AppError> {
    store(id, name).await
}"#
    );
}

#[test]
fn a_guard() {
    snapshot!(
        "guard",
        r#"
#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", errors = AppError::Timeout | AppError::Http(_))]
async fn charge(order: &Order) -> Result<Receipt, AppError> {
    send(order).await
}"#
    );
}

#[test]
fn two_attributes_are_two_layers() {
    snapshot!(
        "layers",
        r#"
#[invalidate(items, on = "always")]
#[cached(ttl = "1m", key = "total:<self.shop>")]
async fn total(&self) -> u64 {
    self.sum().await
}"#
    );
}

#[test]
fn a_lock() {
    snapshot!(
        "lock",
        r#"
#[locked(key = "account:<from>", wait = "5s", fence = token)]
async fn withdraw(from: u64, cents: u64) -> Result<Receipt, AppError> {
    ledger().withdraw(from, cents, token).await
}"#
    );
}

#[test]
fn computed_beside_the_call() {
    snapshot!(
        "early",
        r#"
#[early(ttl = "10m", early_ttl = "7m", key = "front_page:<self.shop>:<lang>:<page>")]
async fn front_page(&self, lang: &str, page: u32) -> Page {
    self.render(lang, page).await
}"#
    );
}

#[test]
fn a_present_value_in_place_of_an_error() {
    snapshot!(
        "soft",
        r#"
#[soft(ttl = "1h", soft_ttl = "1m", key = "rate:<currency>", errors = AppError::Timeout, handle = false)]
async fn rate(currency: &str) -> Result<Rate, AppError> {
    ask_the_bank(currency).await
}"#
    );
}

#[test]
fn so_many_answers() {
    snapshot!(
        "hit",
        r#"
#[hit(ttl = "1d", cache_hits = 1000, key = "offer:<id>", handle = false)]
async fn offer(id: u64) -> Offer {
    draw(id).await
}"#
    );
}

#[test]
fn a_mistake_leaves_the_function_as_it_is() {
    snapshot!(
        "mistake",
        r#"
#[cached(tll = "3h", key = "user:<usr>")]
async fn name(user: &User) -> String {
    user.name.clone()
}"#
    );
}
