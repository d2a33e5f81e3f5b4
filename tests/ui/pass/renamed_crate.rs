//! `crate = …` finds the library behind another name.

use macadamia::{KeyPart, cached, fail, invalidate, key, rate_limit};

mod toolbox {
    pub(super) use macadamia as cache;
}

#[derive(KeyPart)]
#[key_part(crate = toolbox::cache)]
struct Id(u64);

#[cached(ttl = "3h", key = "named:<id>", crate = toolbox::cache)]
async fn name(id: &Id) -> String {
    id.0.to_string()
}

#[cached(ttl = "3h", key = "rare", crate = toolbox::cache)]
#[rate_limit(limit = 1, period = "1m", crate = toolbox::cache)]
async fn rare() -> macadamia::Result<u8> {
    Ok(1)
}

#[fail(ttl = "3h", key = "last", crate = toolbox::cache)]
async fn last() -> macadamia::Result<u8> {
    Ok(1)
}

#[invalidate(name(id = Id(id)), crate = toolbox::cache)]
async fn rename(id: u64) {
    let _ = id;
}

pub(crate) async fn run() {
    assert_eq!(name(&Id(7)).await, "7");
    assert!(rare().await.is_ok() && last().await.is_ok());
    rename(7).await;
    assert_eq!(key!(name(id = Id(7)), crate = toolbox::cache), "named:7");
}
