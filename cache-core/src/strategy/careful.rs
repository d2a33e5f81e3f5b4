//! The first look of a call that may be inside a scope: what the hit path leaves out because nearly no call needs it.

use super::Mode;
use super::policy::Policy;
use crate::cache::{Cache, Route};
use crate::command::Command;
use crate::detect::{self, DetectedCall, Outcome};
use crate::entry::Entry;
use crate::key::KeyRef;
use crate::scope::{self, Circle, Recompute};
use crate::site::Site;

/// How a call goes on here, as its scope and the commands that are off say.
pub(super) fn mode(cache: &Cache, route: &Route) -> Mode {
    if !scope::is_special() {
        return Mode::Cached;
    }
    let (recompute, off) = (scope::recompute(), cache.off(route));
    match (off.contains(Command::Get), off.contains(Command::Set)) {
        (true, true) => Mode::Bypass,
        // At the same time one still computes for all who may not read.
        (true, false) => Mode::Recompute(recompute.unwrap_or(Recompute::Further(Circle::BLIND))),
        (false, _) => recompute.map_or(Mode::Cached, Mode::Recompute),
    }
}

/// Looks once, without waiting, where the scope lets it. `take` says whether the entry answers; then the call is told
/// as a hit, and over. Else: how it goes on.
#[cold]
#[inline(never)]
pub(super) fn look(
    site: &'static Site,
    cache: &Cache,
    route: &Route,
    key: KeyRef<'_>,
    version: u32,
    policy: Policy,
    take: &mut dyn FnMut(&Entry) -> bool,
) -> Mode {
    let mode = mode(cache, route);
    if mode != Mode::Cached || !policy.looks_at(route.form()) {
        return mode;
    }
    let mut hit = None;
    route.peek(key, &mut |entry| {
        if entry.version() == version && cache.is_alive(entry) && take(entry) {
            hit = Some(entry.meta());
        }
    });
    if hit.is_some() {
        cache.tell_hit(key, site);
        detect::record(|| {
            let (age, expiry) = DetectedCall::times(hit, cache.now());
            DetectedCall {
                key: key.to_key(),
                function: Some(site.function()),
                strategy: policy.name(),
                outcome: Outcome::Hit,
                backend: Some(route.backend_name()),
                age,
                expiry,
                error: None,
            }
        });
    }
    Mode::Cached
}
