//! Expansions rely on no import, not even on the prelude.
#![no_implicit_prelude]

#[::macadamia::cached(ttl = "3h", key = "user:<id>", none_ttl = "5s")]
#[::macadamia::invalidate("users:*")]
async fn user(id: u64) -> ::core::option::Option<u64> {
    ::core::option::Option::Some(id)
}

#[::macadamia::cached(ttl = "3h", key = "rare:<id>")]
#[::macadamia::rate_limit(limit = 2, period = "1m", ttl = "1h", key = "<id>", when = id > 0)]
async fn rare(id: u64) -> ::macadamia::Result<u64> {
    ::core::result::Result::Ok(id)
}

#[::macadamia::fail(ttl = "3h", key = "last:<id>", errors = ::macadamia::Error::Locked, when = id > 0)]
async fn last(id: u64) -> ::macadamia::Result<u64> {
    ::core::result::Result::Ok(id)
}

#[derive(::macadamia::KeyPart)]
struct Page(u64);

pub(crate) async fn run() {
    ::core::assert!(::core::matches!(last(7).await, ::core::result::Result::Ok(7)));
    ::core::assert!(::core::matches!(rare(7).await, ::core::result::Result::Ok(7)));
    let page = Page(3);
    ::core::assert!(::core::matches!(user(7).await, ::core::option::Option::Some(7)));
    ::core::assert_eq!(::macadamia::key!("users:<page>").as_str(), "users:3");
    ::core::assert_eq!(::macadamia::duration!("90s").as_secs(), 90);
    ::core::assert!(::core::matches!(
        ::macadamia::purge!(user(id = 7_u64)).await,
        ::core::result::Result::Ok(_)
    ));
}
