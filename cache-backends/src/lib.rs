//! Where macadamia keeps entries.
//!
//! Each backend is a feature, a type with a builder, and a URL scheme that it submits itself; the core never
//! names one.
//!
//! | backend | URL | form | bounded by | feature |
//! |---|---|---|---|---|
//! | [`Memory`] | `mem://`, `locmem://` | objects, never serialized | entries, bytes | `memory` |
//! | [`Disk`] | `disk://` | bytes, in files that processes share | bytes | `disk` |
//! | [`Redis`] | `redis://`, `rediss://`, `redis+unix://` | bytes, on a server or a cluster | what the server has | `redis` |
//! | [`Null`] | `null://`, `dummy://` | bytes, encoded and let go | it keeps nothing | `null` |
//!
//! The URL and the type do the same: `.route("", "mem://?size=500")` is
//! `.route("", Memory::builder().max_entries(500))`.

#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "null")]
mod null;
#[cfg(feature = "redis")]
mod redis;

#[cfg(feature = "disk")]
pub use disk::{Disk, DiskBuilder};
#[cfg(feature = "memory")]
pub use memory::{Memory, MemoryBuilder};
#[cfg(feature = "null")]
pub use null::Null;
#[cfg(feature = "redis")]
pub use redis::{Redis, RedisBuilder};
