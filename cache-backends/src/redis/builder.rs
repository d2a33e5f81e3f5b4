//! How a Redis backend is put together.

/// Where a server is, and how to talk to it, on the way to a [`Redis`](super::Redis).
#[derive(Debug, Clone, Default)]
pub struct RedisBuilder {}
