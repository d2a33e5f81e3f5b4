//! Entries on a Redis or Valkey server, or a cluster of them: one cache for a fleet.
//!
//! ```text
//! verbs ── names (what a key is called there) ── scripts ── link ── one connection for many commands, or a cluster's
//! ```

mod builder;

pub use builder::RedisBuilder;

/// Entries on a Redis server.
#[derive(Debug, Clone)]
pub struct Redis;
