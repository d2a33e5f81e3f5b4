//! Who is told what the server says without being asked.

use redis::Value;

/// Hears of connections and of what comes over them unasked. Called by the task that reads the socket, so none of these
/// may wait.
pub(in crate::redis) trait Listener: Send + Sync + std::fmt::Debug {
    /// The commands that every connection is to begin with, such as `CLIENT TRACKING`. If one is refused the connection is
    /// used all the same, and `opened` says so.
    fn greetings(&self) -> Vec<redis::Cmd>;

    /// A connection is open; whether its greetings were taken. From here on it may be used for commands.
    fn opened(&self, connection: u64, greeted: bool);

    /// Keys have changed: those named, or all of them.
    fn changed(&self, connection: u64, keys: Option<&[Value]>);

    /// The connection is gone; nothing more is told over it. Called once for each that was opened.
    fn lost(&self, connection: u64);
}
