//! What the attributes print passes the strictest lints, and other attributes keep their meaning.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    unused_lifetimes,
    single_use_lifetimes,
    unused_import_braces,
    unused_extern_crates,
    unused_macro_rules,
    redundant_lifetimes,
    explicit_outlives_requirements,
    trivial_casts,
    trivial_numeric_casts,
    let_underscore_drop,
    tail_expr_drop_order,
    unit_bindings,
    non_local_definitions,
    if_let_rescope,
    keyword_idents,
    meta_variable_misuse,
    closure_returning_async_block,
    non_ascii_idents,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    future_incompatible,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::shadow_reuse,
    clippy::shadow_unrelated,
    clippy::str_to_string,
    clippy::absolute_paths,
    clippy::allow_attributes,
    clippy::default_numeric_fallback,
    clippy::items_after_statements,
    clippy::let_underscore_must_use,
    clippy::impl_trait_in_params,
    clippy::wildcard_enum_match_arm
)]
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

pub mod strict {
    //! Every argument of every attribute, in a module of documented public items.

    use macadamia::codec::{Bincode, Codec, Failure as Unable, Plain, Slot};
    use macadamia::{
        Cache, Error, KeyPart, cached, circuit_breaker, early, fail, hit, invalidate, key, locked, perf,
        purge, rate_limit, soft,
    };
    use std::fmt;
    use std::future::{Future, ready};
    use std::time::Duration;

    /// Something that can fail.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Failure {
        /// There is none.
        Missing(u64),
        /// All the rest.
        Other,
    }

    /// A part of keys.
    #[derive(Debug, Clone, KeyPart)]
    pub enum Lang {
        /// The usual one.
        English,
        /// Another.
        Named {
            /// Its name.
            name: String,
        },
    }

    /// Settings of a caller.
    #[derive(Debug, Clone)]
    pub struct Settings {
        /// How long.
        pub ttl: Duration,
        /// Whether at all.
        pub enabled: bool,
        /// Where.
        pub cache: Cache,
    }

    /// A codec of one's own.
    #[derive(Debug)]
    pub struct Own(u8);

    impl Own {
        /// Of this number.
        #[must_use]
        pub const fn new(id: u8) -> Self {
            Self(id)
        }
    }

    impl Codec for Own {
        fn id(&self) -> u8 {
            self.0
        }

        fn name(&self) -> &'static str {
            "own"
        }

        fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Unable> {
            Bincode.encode(value)
        }

        fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Unable> {
            Bincode.decode(bytes, slot)
        }
    }

    /// A user's own filter.
    #[must_use]
    pub fn short(text: &str) -> &str {
        text.get(..2).unwrap_or(text)
    }

    /// Every argument.
    ///
    /// # Errors
    /// Where there is nothing.
    #[cached(
        ttl = settings.ttl,
        key = "strict:<id>:<lang>:<name:lower>:<name:len>:<name:hash(sha256)>:<name:crate::strict::short>",
        prefix = "v2",
        condition = |value: &String| !value.is_empty(),
        time_condition = Duration::ZERO,
        none_ttl = "30s",
        err_ttl(Failure::Missing(_) = "5s", _ = 1),
        jitter = "10%",
        single_flight = true,
        version = 3,
        codec = Own::new(200),
        when = settings.enabled,
        cache = settings.cache,
        handle = Everything,
        crate = ::macadamia,
    )]
    pub async fn everything(
        id: u64,
        lang: &Lang,
        name: &str,
        settings: &Settings,
    ) -> Result<Option<String>, Failure> {
        let found = ready(id).await;
        if found == 0 {
            return Err(Failure::Missing(found));
        }
        Ok(Some(format!("{lang:?} {name}")))
    }

    /// By default key, with a parameter that is not used.
    #[cached(ttl = |value: &u64| Duration::from_secs(*value), skip(_settings))]
    pub async fn by_default(_settings: &Settings, _unused: u8, (left, mut right): (u64, u64)) -> u64 {
        right = right.saturating_add(left);
        ready(right).await
    }

    /// Generic, and by code.
    #[cached(ttl = "forever", key = |value| format!("generic:{value}"))]
    pub async fn by_code<T>(value: &T) -> String
    where
        T: fmt::Display + Sync,
    {
        ready(value.to_string()).await
    }

    /// A future without `async`.
    #[cached(ttl = "1h", key = "opaque:<id>")]
    pub fn opaque(id: u64) -> impl Future<Output = u64> + Send {
        ready(id)
    }

    /// Not everybody at once.
    ///
    /// # Errors
    /// Whoever comes too often is refused.
    #[cached(ttl = "1h", key = "rarely:<id>")]
    #[rate_limit(limit = limit, period = period, ttl = period, skip(period, settings), cache = settings.cache)]
    #[rate_limit(limit = 100, period = "1m", key = |id| format!("rarely:{id}"), prefix = "v2", algorithm = "gcra")]
    pub async fn rarely(id: u64, limit: u32, period: Duration, settings: &Settings) -> Result<u64, Error> {
        ready(Ok(id)).await
    }

    /// The last good one of two, while it is young.
    ///
    /// # Errors
    /// What is not meant, and what is while there is none.
    #[fail(ttl = ttl, key = "last:<id>", errors = Error::Locked | Error::RateLimited { .. }, handle = Last)]
    #[fail(ttl = "1h", codec = "raw", skip(settings), prefix = "v2", cache = settings.cache, when = settings.enabled)]
    pub async fn last(id: u64, ttl: Duration, settings: &Settings) -> Result<Option<u64>, Error> {
        ready(Ok(Some(id))).await
    }

    /// Both.
    ///
    /// # Errors
    /// While there is no answer.
    #[fail(ttl = "forever")]
    #[cached(ttl = "1h", none_ttl = "1m")]
    #[fail(ttl = 90, key = |id| format!("inner:{id}"))]
    pub async fn last_of_cached(id: u64) -> Result<Option<u64>, Failure> {
        ready(Ok(Some(id))).await
    }

    /// One at a time.
    ///
    /// # Errors
    /// Whoever has waited for too long is refused.
    #[locked(ttl = period, wait = period, fence = token, skip(period, settings), cache = settings.cache)]
    #[locked(key = |id| format!("alone:{id}"), prefix = "v2", wait = settings.enabled, when = settings.enabled)]
    #[cached(ttl = "1h", key = "alone:<id>", lock = "5s")]
    pub async fn alone(id: u64, period: Duration, settings: &Settings) -> Result<u64, Error> {
        ready(Ok(id.max(token.get()))).await
    }

    /// Not while it fails, and not while it is slow.
    ///
    /// # Errors
    /// What fails or is slow is left alone.
    #[circuit_breaker(
        errors_rate = 12.5,
        period = period,
        ttl = period,
        half_open_ttl = period,
        half_open_calls = calls,
        min_calls = calls,
        slow_call = period,
        errors = Error::Backend(_) | Error::Timeout { .. },
        skip(_why),
        cache = settings.cache,
        when = settings.enabled
    )]
    #[circuit_breaker(errors_rate = rate, period = "1m", ttl = "30s", slow_call = "2s", prefix = "v2")]
    #[perf(ttl = period, trace_size = calls, factor = rate, skip(_why), cache = settings.cache)]
    #[perf(ttl = "5m", factor = 3, key = |calls| format!("carefully:{calls}"), when = settings.enabled)]
    pub async fn carefully(
        calls: u32,
        rate: f64,
        period: Duration,
        settings: &Settings,
        _why: &str,
    ) -> Result<u32, Error> {
        ready(Ok(calls)).await
    }

    /// Ahead of time, beside the call.
    ///
    /// # Errors
    /// Where there is nothing.
    #[invalidate("nothing:<id>")]
    #[early(
        ttl = settings.ttl,
        early_ttl = settings.ttl,
        background = true,
        beta = beta,
        key = "ahead:<id>:<lang>:<maybe>",
        condition = |value: &String| !value.is_empty(),
        none_ttl = "30s",
        err_ttl(Failure::Missing(_) = "5s", _ = 1),
        jitter = "10%",
        lock = true,
        tags = ["all", "of:<id>"],
        when = settings.enabled,
        cache = settings.cache,
        handle = Ahead,
    )]
    #[invalidate("nothing:<id>")]
    #[expect(clippy::too_many_arguments, reason = "one of each kind")]
    pub async fn ahead(
        id: u64,
        lang: &Lang,
        maybe: Option<&str>,
        mut trimmed: &str,
        mut count: Vec<u8>,
        (left, _): (u64, String),
        _unused: &str,
        settings: &Settings,
        beta: f64,
    ) -> Result<Option<String>, Failure> {
        trimmed = trimmed.trim();
        count.push(1);
        let found = ready(id.max(left)).await;
        if found == 0 {
            return Err(Failure::Missing(found));
        }
        let all = if settings.enabled { count.len() } else { 0 };
        Ok(Some(format!("{lang:?} {maybe:?} {trimmed} {all}")))
    }

    /// By default key, of what it has.
    #[early(ttl = "1h", skip(_settings))]
    pub async fn ahead_by_default(_settings: &Settings, _unused: u8, _: &str, name: &str) -> usize {
        ready(name.len()).await
    }

    /// Ahead of time, in the call.
    #[early(ttl = "1h", early_ttl = "5m", beta = 1.5, background = false, key = "ahead_here:<id>")]
    pub async fn ahead_here(id: &mut u64) -> u64 {
        *id = id.saturating_add(1);
        ready(*id).await
    }

    /// New, or old where that fails.
    ///
    /// # Errors
    /// What is not meant, and what is while there is nothing.
    #[soft(
        ttl = "1h",
        soft_ttl = settings.ttl,
        errors = Failure::Missing(1..=9) | Failure::Other,
        key = "new:<id>",
        err_ttl = "1s",
        single_flight = true,
        cache = settings.cache,
        handle = New,
    )]
    pub async fn new_or_old(id: u64, settings: &Settings) -> Result<u64, Failure> {
        ready(Ok(id)).await
    }

    /// The same of all errors.
    ///
    /// # Errors
    /// While there is nothing.
    #[soft(ttl = "1h", skip(name))]
    #[rate_limit(limit = 5, period = "1m", key = "new:<id>")]
    pub async fn new_and_limited(id: u64, name: &str) -> Result<usize, Error> {
        ready(Ok(name.len())).await
    }

    /// So many times.
    #[hit(
        ttl = "1h",
        cache_hits = hits,
        update_before = hits,
        background = true,
        key = "times:<id>",
        version = 2,
        cache = settings.cache,
        handle = Times,
    )]
    pub async fn times(id: u64, hits: u32, settings: &Settings) -> u64 {
        ready(if settings.enabled { id } else { 0 }).await
    }

    /// So many times, and in the call.
    #[hit(ttl = "1h", cache_hits = 10, update_after = 5, background = false, key = "times_here:<id>")]
    pub async fn times_here(id: u64) -> u64 {
        ready(id).await
    }

    /// Exactly so many times.
    #[hit(ttl = "1h", cache_hits = 10, key = "just_times:<id>")]
    pub async fn just_times(id: u64) -> u64 {
        ready(id).await
    }

    /// Everything that is invalidated.
    ///
    /// # Errors
    /// Never.
    #[invalidate(Everything(id = id, lang = _, name = name), cache = settings.cache, when = settings.enabled)]
    #[invalidate(by_default(left = 1u64), opaque, "strict:<id>:<name>:*", on = "always")]
    pub async fn change(id: u64, name: &str, settings: &Settings) -> Result<(), Failure> {
        ready(Ok(())).await
    }

    /// Outside of attributes.
    ///
    /// # Errors
    /// Where the backend has one.
    #[must_use = "it may fail"]
    pub async fn outside(id: u64) -> Result<u64, Error> {
        let made = key!(opaque(id = id));
        let same = key!("opaque:<id>");
        if made != same {
            return Ok(0);
        }
        purge!(opaque(id = id), "strict:*").await
    }

    /// Has methods.
    #[derive(Debug, Default, Clone)]
    pub struct Repo {
        /// Which one.
        pub id: u64,
    }

    impl Repo {
        /// By reference.
        #[cached(ttl = "1h", key = "repo:<self.id>", none_ttl = 5)]
        pub async fn get(&self) -> Option<u64> {
            ready(Some(self.id)).await
        }

        /// Without `self`.
        #[cached(ttl = "1h", handle = false)]
        pub async fn make(id: u64) -> u64 {
            ready(id).await
        }

        /// With a handle.
        #[cached(ttl = "1h", key = "repo:<self.id>:<id>:<name:lower>", handle)]
        pub async fn named(&self, id: u64, name: &str) -> u64 {
            let _ = name;
            ready(id).await
        }

        /// Ahead of time, of a copy.
        ///
        /// # Errors
        /// Of the lock.
        #[early(ttl = "1h", key = "repo_ahead:<self.id>:<name>", handle)]
        #[locked(key = "repo:<self.id>", wait = self.id > 0, fence = token)]
        #[fail(ttl = "1h", key = "repo:<self.id>")]
        pub async fn ahead(&self, name: &str) -> Result<u64, Error> {
            ready(Ok(self.id.max(token.get()).max(name.parse().unwrap_or_default()))).await
        }

        /// Ahead of time, of itself.
        #[hit(ttl = "1h", cache_hits = 9, update_before = 1, key = "repo_times:<self.id>")]
        pub async fn times(mut self, by: u64) -> u64 {
            self.id = self.id.saturating_add(by);
            ready(self.id).await
        }

        /// What changes that.
        #[invalidate(Self::named(id = id, name = _), Self::named(self.id = self.id))]
        pub async fn rename(&self, id: u64) {
            drop(key!(Self::named(self.id = 1u64, id = id, name = "x")));
            ready(()).await;
        }
    }
}

pub mod shapes {
    //! Functions of other shapes than a free one, handles and all.
    #![deny(
        clippy::exhaustive_enums,
        clippy::exhaustive_structs,
        clippy::pub_use,
        clippy::missing_inline_in_public_items
    )]
    #![deny(clippy::missing_docs_in_private_items)]

    use async_trait::async_trait;
    use macadamia::{BoxFuture, KeyPart, cached, early, invalidate};
    use std::future::{Future, ready};
    use std::sync::Arc;

    /// What loads.
    #[async_trait]
    pub trait Load: Sync {
        /// By number.
        async fn load(&self, id: u64) -> Option<u64>;

        /// By name, with a body.
        #[cached(ttl = "1h", key = "named:<name>")]
        #[inline]
        async fn named(&self, name: &str) -> Option<usize> {
            let length = ready(name.len()).await;
            (length > 0).then_some(length)
        }
    }

    /// What loads without boxes.
    pub trait Native {
        /// By number.
        fn native(&self, id: u64) -> impl Future<Output = u64> + Send;
    }

    /// Holds one value.
    #[derive(Debug, Clone, Copy, KeyPart)]
    #[non_exhaustive]
    pub struct Holder<Value> {
        /// The value.
        value: Value,
    }

    impl<Value> Holder<Value> {
        /// Of this value.
        #[inline]
        pub const fn new(value: Value) -> Self {
            Self { value }
        }
    }

    impl<Value: KeyPart + Copy + Send + Sync> Holder<Value> {
        /// By reference.
        #[inline]
        #[cached(ttl = "1h", key = "held:<self.value>", none_ttl = "1m")]
        pub async fn held(&self) -> Option<Value>
        where
            Value: 'static,
        {
            ready(Some(self.value)).await
        }

        /// By a shared reference.
        #[inline]
        #[invalidate("held:*")]
        #[cached(ttl = "1h", key = "shared:<self.value>:<size>")]
        pub async fn shared<const SIZE: usize>(self: Arc<Self>, size: [u8; SIZE]) -> usize {
            ready(size.len()).await
        }
    }

    impl<Value: KeyPart + Copy + Send + Sync + 'static> Holder<Value> {
        /// Ahead of time.
        #[inline]
        #[early(ttl = "1h", key = "held_ahead:<self.value>:<other>")]
        pub async fn ahead<const SIZE: usize>(&self, other: &Value, size: &[u8; SIZE]) -> Option<usize> {
            ready((SIZE > 0).then_some(size.len())).await
        }
    }

    #[async_trait]
    impl<Value: KeyPart + Copy + Send + Sync> Load for Holder<Value> {
        #[cached(ttl = "1h", key = "load:<self.value>:<id>")]
        #[invalidate("nothing:<id>")]
        #[inline]
        async fn load(&self, id: u64) -> Option<u64> {
            ready(Some(id)).await
        }
    }

    impl<Value: Sync> Native for Holder<Value> {
        #[cached(ttl = "1h", skip(self))]
        #[inline]
        async fn native(&self, id: u64) -> u64 {
            ready(id).await
        }
    }

    /// In a box.
    #[inline]
    #[cached(ttl = "1h", key = "boxed:<name>")]
    #[must_use = "nothing happens before it is awaited"]
    pub fn boxed(name: &str) -> BoxFuture<'_, usize> {
        Box::pin(async move { ready(name.len()).await })
    }

    /// In a box, ahead of time.
    #[inline]
    #[early(ttl = "1h", key = "boxed_ahead:<name>")]
    #[must_use = "nothing happens before it is awaited"]
    pub fn boxed_ahead(name: &str) -> BoxFuture<'_, usize> {
        Box::pin(async move { ready(name.len()).await })
    }

    /// Twice the number.
    #[inline]
    #[cached(ttl = "1h", handle = false)]
    pub async fn twice(#[cfg(any())] id: &str, #[cfg(not(any()))] id: u64) -> u64 {
        /// Not seen from outside.
        #[cached(ttl = "1h", key = "nested:<number>", handle = false)]
        async fn nested(number: u64) -> u64 {
            ready(number.saturating_mul(2)).await
        }
        nested(id).await
    }
}

pub mod others {
    //! Foreign attributes on annotated functions.

    use macadamia::{cached, invalidate};
    use std::future::ready;

    /// Old.
    #[cached(ttl = "1h", key = "old")]
    #[deprecated(since = "0.1.0", note = "use another")]
    pub async fn old() -> u8 {
        ready(1).await
    }

    /// Must be used.
    #[must_use = "it is the answer"]
    #[cached(ttl = "1h", key = "needed")]
    #[inline]
    pub async fn needed() -> u8 {
        ready(2).await
    }

    /// With an expectation that its body fulfils.
    ///
    /// # Panics
    /// Without a number.
    #[expect(clippy::unwrap_used, reason = "the body does")]
    #[cached(ttl = "1h", key = "expecting")]
    #[cfg_attr(all(), expect(unused_variables, reason = "the body does"))]
    pub async fn expecting(number: Option<u8>) -> u8 {
        let unused = number;
        ready(number).await.unwrap()
    }

    /// Not on any system.
    #[cached(ttl = "1h", key = "nowhere")]
    #[cfg(any())]
    pub async fn somewhere() -> Missing {
        0
    }

    /// On all of them.
    #[cfg(not(any()))]
    #[cached(ttl = "1h", key = "everywhere")]
    #[cfg(not(any()))]
    pub async fn somewhere() -> u8 {
        ready(4).await
    }

    /// Annotated under a condition, the handle included.
    #[cfg_attr(all(), cached(ttl = "1h", key = "conditional"))]
    pub async fn conditional() -> u8 {
        ready(5).await
    }

    /// Not annotated.
    #[cfg_attr(any(), cached(ttl = "1h", key = "unconditional"))]
    pub async fn unconditional() -> u8 {
        ready(6).await
    }

    /// A parameter that is there under a condition.
    #[cached(ttl = "1h", key = "params")]
    #[rustfmt::skip]
    pub async fn cold(#[expect(unused_variables, reason = "nobody reads it")] unread: u8) -> u8 {
        ready(7).await
    }

    #[invalidate(conditional, needed)]
    #[allow(clippy::allow_attributes, dead_code, reason = "nobody calls it")]
    async fn never_called() {
        ready(()).await;
    }
}

#[tokio::test]
#[expect(deprecated, reason = "that it is deprecated is what is looked at")]
async fn other_attributes_keep_their_meaning() {
    assert_eq!((others::old().await, others::needed().await), (1, 2));
    assert_eq!((others::expecting(Some(3)).await, others::somewhere().await), (3, 4));
    assert_eq!((others::conditional().await, others::unconditional().await), (5, 6));
    assert_eq!(others::conditional::key(), "conditional");
    assert_eq!(others::cold(1).await, 7);
}

#[tokio::test]
async fn strict_functions_do_what_others_do() {
    let built = macadamia::Cache::builder().route("", macadamia::Memory::builder().build()).build().await;
    let Ok(cache) = built else { return assert_eq!(built.err().map(|error| error.to_string()), None) };
    let settings = strict::Settings { ttl: Duration::from_secs(60), enabled: true, cache };
    let lang = strict::Lang::Named { name: "x".to_owned() };
    let first = strict::everything(1, &lang, "Ann", &settings).await;
    assert_eq!(first, Ok(Some("Named { name: \"x\" } Ann".to_owned())));
    assert_eq!(settings.cache.keys_count().await.ok(), Some(1));
    assert_eq!(strict::change(1, "Ann", &settings).await, Ok(()));
    assert_eq!(settings.cache.keys_count().await.ok(), Some(0));
    assert_eq!(strict::by_default(&settings, 0, (1, 2)).await, 3);
    assert_eq!(strict::by_code(&4u8).await, "4");
    assert_eq!((strict::opaque(5).await, strict::outside(5).await.ok()), (5, Some(1)));
    let ahead =
        strict::ahead(1, &lang, Some("m"), " t ", vec![1], (2, String::new()), "u", &settings, 1.0).await;
    assert_eq!(ahead, Ok(Some("Named { name: \"x\" } Some(\"m\") t 2".to_owned())));
    assert_eq!(
        (strict::ahead_by_default(&settings, 0, "", "four").await, strict::ahead_here(&mut 4).await),
        (4, 5)
    );
    assert_eq!(strict::new_or_old(6, &settings).await, Ok(6));
    assert_eq!(strict::new_and_limited(1, "two").await.ok(), Some(3));
    assert_eq!((strict::times(8, 9, &settings).await, strict::times_here(9).await), (8, 9));
    assert_eq!(strict::just_times(10).await, 10);
    let repo = strict::Repo { id: 6 };
    assert!(repo.ahead("7").await.is_ok_and(|most| most >= 7));
    assert_eq!(repo.clone().times(2).await, 8);
    assert_eq!((strict::Repo { id: 6 }.get().await, strict::Repo::make(7).await), (Some(6), 7));
}

#[tokio::test]
async fn every_shape_is_as_quiet() {
    use shapes::{Load as _, Native as _};
    let holder = shapes::Holder::new(3u8);
    assert_eq!((holder.held().await, holder.native(1).await), (Some(3), 1));
    assert_eq!((holder.load(2).await, holder.named("four").await), (Some(2), Some(4)));
    assert_eq!((holder.ahead(&4, &[0; 5]).await, shapes::boxed_ahead("six").await), (Some(5), 3));
    assert_eq!(Arc::new(holder).shared([0; 5]).await, 5);
    assert_eq!((shapes::boxed("six").await, shapes::twice(4).await), (3, 8));
}
