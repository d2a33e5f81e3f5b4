//! What the attributes print, made readable: snapshots of a few typical functions in `snapshots/`.
//!
//! After a change: `INSTA_UPDATE=always cargo test --test expansion`, and read the difference.
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
    let printed = expand::attribute(&name, arguments, function.into_token_stream());
    let file = syn::parse2(printed).unwrap();
    let mut printed = prettyplease::unparse(&file);
    for (path, short) in
        [("::macadamia::__private::", "__private::"), ("::core::option::", ""), ("::core::result::", "")]
    {
        printed = printed.replace(path, short);
    }
    format!("{}\n\n// becomes\n\n{printed}", source.trim())
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
    version = 3,
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
