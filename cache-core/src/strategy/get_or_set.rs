//! `get_or_set`: a cached function of its own, without an attribute.

use std::future::Future;

use super::cached::Pending;
use super::keep::Kept;
use super::policy::Policy;
use super::{Call, Enter, Mode, Trouble, careful};
use crate::cache::CacheRef;
use crate::key::Key;
use crate::returns::{PlainValue, Returned};
use crate::tag::Tags;
use crate::ttl::Ttl;

/// Runs `compute` as a cached function of its own: what [`get_or_set`](crate::Cache::get_or_set) does.
pub(crate) async fn get_or_compute<T, F>(
    cache: CacheRef,
    key: Key,
    returned: Returned<T, PlainValue>,
    ttl: Option<Ttl>,
    tags: Tags,
    compute: F,
) -> T
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = T>,
{
    let routed = cache.route_at(None, key.as_key());
    let mode = routed.map_or(Mode::Bypass, |(_, route)| careful::mode(&cache, route));
    let route = routed.map(|(index, _)| index);
    let call = Call {
        cache,
        site: None,
        key,
        route,
        mode,
        version: 0,
        policy: Policy::Keep,
        seen: None,
        tags: Tags::new(),
        single_flight: true,
        lock: None,
        trouble: Trouble::default(),
    };
    if let Some(answer) = call.look_near(returned) {
        return answer;
    }
    let lead = match (Pending { call, reader: returned.reader() }).lead(tags).await {
        Enter::Answer(found) => found.answer(returned),
        Enter::Go(lead) => Enter::Go(lead),
    };
    match lead {
        Enter::Answer(out) => out,
        Enter::Go(mut lead) => {
            let out = lead.run(compute).await;
            match lead.leave(returned, out, Kept::for_(ttl.unwrap_or(Ttl::FOREVER)), None) {
                Enter::Answer(out) => out,
                Enter::Go((store, out)) => {
                    store.await;
                    out
                }
            }
        }
    }
}
