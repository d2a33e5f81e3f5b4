//! The commands by name, and sets of them.

use std::fmt;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// A command, to be switched off or told apart: what a cache does for its user, whichever verb of a backend
        /// that takes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Command {
            $($(#[$doc])* $name,)*
        }

        impl Command {
            /// Every command.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as in [`Cache`](crate::Cache).
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

commands! {
    /// `get`, and the look of an annotated function.
    Get "get",
    /// `get_many`.
    GetMany "get_many",
    /// `get_match`.
    GetMatch "get_match",
    /// `get_raw`.
    GetRaw "get_raw",
    /// `set`, `add`, and what an annotated function stores.
    Set "set",
    /// `set_many`.
    SetMany "set_many",
    /// `set_raw`.
    SetRaw "set_raw",
    /// `cas`.
    Cas "cas",
    /// `incr` and `decr`, and the counts of `#[rate_limit]`, `#[circuit_breaker]` and `#[perf]`: while it is off, their
    /// calls are let through uncounted.
    Incr "incr",
    /// `delete`.
    Delete "delete",
    /// `delete_many`.
    DeleteMany "delete_many",
    /// `delete_match`.
    DeleteMatch "delete_match",
    /// `delete_tags`.
    DeleteTags "delete_tags",
    /// `exists`.
    Exists "exists",
    /// `expire` and `touch`.
    Expire "expire",
    /// `get_expire`.
    GetExpire "get_expire",
    /// `scan`.
    Scan "scan",
    /// `keys_count`.
    KeysCount "keys_count",
    /// `size_of`.
    SizeOf "size_of",
    /// `lock` and `set_lock`.
    Lock "lock",
    /// `is_locked`.
    IsLocked "is_locked",
    /// `unlock`.
    Unlock "unlock",
    /// `ping`.
    Ping "ping",
    /// `clear`.
    Clear "clear",
    /// `flush_all`.
    FlushAll "flush_all",
    /// `raw`.
    Raw "raw",
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of commands: one, several (`[Command::Get, Command::Set]`), or [`all`](Commands::all).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Commands(u64);

impl Commands {
    /// Every command.
    pub const fn all() -> Self {
        Self((1 << Command::ALL.len()) - 1)
    }

    /// None.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Whether the command is among them.
    #[inline]
    pub const fn contains(self, command: Command) -> bool {
        self.0 & (1 << command as u64) != 0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::all().0)
    }
}

impl From<Command> for Commands {
    fn from(command: Command) -> Self {
        Self(1 << command as u64)
    }
}

impl<const N: usize> From<[Command; N]> for Commands {
    fn from(commands: [Command; N]) -> Self {
        commands.into_iter().collect()
    }
}

impl FromIterator<Command> for Commands {
    fn from_iter<I: IntoIterator<Item = Command>>(commands: I) -> Self {
        commands.into_iter().fold(Self::none(), |all, one| all.and(one.into()))
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Command::ALL.iter().filter(|command| self.contains(**command))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_know_what_they_contain() {
        let some = Commands::from([Command::Get, Command::Raw]);
        assert!(some.contains(Command::Get) && some.contains(Command::Raw) && !some.contains(Command::Set));
        assert!(Command::ALL.iter().all(|command| Commands::all().contains(*command)));
        assert_eq!(Commands::all().without(Commands::all()), Commands::none());
        assert_eq!(some.and(Command::Set.into()).without(some), Command::Set.into());
        assert_eq!(format!("{some:?}"), "{Get, Raw}");
        assert_eq!(Commands::from_bits(u64::MAX), Commands::all());
    }
}
