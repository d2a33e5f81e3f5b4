//! The attributes of macadamia beside one more, `#[traced]`: what tests of stacking stack.
//!
//! The machinery is that of `cache-macros`, module by module; only the table differs.
#![allow(dead_code, reason = "the modules are those of another crate, and not all are used")]

include!("../../../cache-macros/src/modules.rs");

mod traced;

use attribute::{
    Table, cached, circuit_breaker, early, fail, hit, invalidate, locked, perf, rate_limit, soft,
};
use proc_macro::TokenStream;

const ALL: &Table = &Table {
    crates: &["macadamia_test_layers", "macadamia", "cache_macros"],
    attributes: &[
        cached::ATTRIBUTE,
        early::ATTRIBUTE,
        hit::ATTRIBUTE,
        soft::ATTRIBUTE,
        fail::ATTRIBUTE,
        invalidate::ATTRIBUTE,
        locked::ATTRIBUTE,
        circuit_breaker::ATTRIBUTE,
        perf::ATTRIBUTE,
        rate_limit::ATTRIBUTE,
        traced::ATTRIBUTE,
    ],
};

/// `cached` of macadamia.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "cached", args.into(), item.into()).into()
}

/// `soft` of macadamia.
#[proc_macro_attribute]
pub fn soft(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "soft", args.into(), item.into()).into()
}

/// `hit` of macadamia.
#[proc_macro_attribute]
pub fn hit(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "hit", args.into(), item.into()).into()
}

/// `early` of macadamia.
#[proc_macro_attribute]
pub fn early(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "early", args.into(), item.into()).into()
}

/// `fail` of macadamia.
#[proc_macro_attribute]
pub fn fail(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "fail", args.into(), item.into()).into()
}

/// `invalidate` of macadamia.
#[proc_macro_attribute]
pub fn invalidate(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "invalidate", args.into(), item.into()).into()
}

/// `locked` of macadamia.
#[proc_macro_attribute]
pub fn locked(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "locked", args.into(), item.into()).into()
}

/// `rate_limit` of macadamia.
#[proc_macro_attribute]
pub fn rate_limit(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "rate_limit", args.into(), item.into()).into()
}

/// `circuit_breaker` of macadamia.
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "circuit_breaker", args.into(), item.into()).into()
}

/// `perf` of macadamia.
#[proc_macro_attribute]
pub fn perf(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "perf", args.into(), item.into()).into()
}

/// Writes down when the call comes to it and when it leaves: `traced(name = "outer", into = log())`.
///
/// `into` gives something with a method `enter(name)`, whose token has a method `leave(self)`. The token of a
/// call that is cancelled or panics is dropped. With `refuse`, an `Option` of an answer, it may end the call
/// before what is inside begins.
#[proc_macro_attribute]
pub fn traced(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(ALL, "traced", args.into(), item.into()).into()
}
