//! The whole library on a real Redis server: commands, options, every strategy, set-ups from data.
//!
//! One server for all of them, a database for each; who makes it fail has one of his own.
#![cfg(all(unix, feature = "redis", feature = "json", feature = "config"))]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod commands;
mod guards;
mod outages;
mod place;
mod setups;
#[path = "../support/mod.rs"]
mod support;
mod values;
