//! What a wire can do.

use std::time::Duration;

/// What the proxy does with connections and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything passes.
    #[default]
    Pass,
    /// Nobody listens. Connections there are go on: [`Proxy::down`](crate::Proxy::down) ends them, too.
    Refuse,
    /// Connections are accepted and reset, also those there are.
    Reset,
    /// Connections are accepted, and nothing arrives, ever: a connection that lost bytes so stays lost when the
    /// mode is another.
    BlackHole,
    /// Bytes wait, in both directions, and arrive when the mode is another: a partition that heals.
    Hold,
    /// Bytes arrive so much later, in each direction.
    Slow(Duration),
    /// Replies arrive byte by byte, with this between them.
    Trickle(Duration),
    /// The server hears everything; instead of what it says, something that is no reply arrives.
    Garbage,
    /// The server hears everything; half of its next reply arrives, and then the end of the connection.
    Truncate,
    /// Two replies that are under way at once arrive in the other order. One that is alone arrives 20 ms late.
    Swap,
    /// Down and up in turn, each for so long, beginning with down.
    Flap(Duration),
}
