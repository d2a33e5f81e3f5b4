//! Which commands are switched off, for a cache or for one route.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Cache, Route};
use crate::command::{Command, Commands};
use crate::error::Result;
use crate::key::Key;
use crate::scope;

/// Commands that are off. Reading is one load; a call on the hit path does not even do that while nothing is off
/// anywhere ([`scope::Special`]).
pub(super) struct Switches {
    off: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Switched off until they are switched on.
    disabled: Commands,
    /// How many guards hold each command off.
    held: [u32; Command::ALL.len()],
    /// While anything is off, calls look more closely.
    special: Option<scope::Special>,
}

impl Switches {
    pub(super) fn new(disabled: Commands) -> Self {
        let switches = Self { off: AtomicU64::new(0), state: Mutex::default() };
        switches.disable(disabled);
        switches
    }

    #[inline]
    pub(super) fn off(&self) -> Commands {
        Commands::from_bits(self.off.load(Ordering::Acquire))
    }

    pub(super) fn disable(&self, commands: Commands) {
        let mut state = self.state();
        state.disabled = state.disabled.and(commands);
        self.publish(&mut state);
    }

    pub(super) fn enable(&self, commands: Commands) {
        let mut state = self.state();
        state.disabled = state.disabled.without(commands);
        self.publish(&mut state);
    }

    fn hold(&self, commands: Commands, change: impl Fn(u32) -> u32) {
        let mut state = self.state();
        for (command, held) in Command::ALL.iter().zip(&mut state.held) {
            if commands.contains(*command) {
                *held = change(*held);
            }
        }
        self.publish(&mut state);
    }

    fn publish(&self, state: &mut State) {
        let held = Command::ALL.iter().zip(state.held).filter(|(_, held)| *held > 0);
        let off = state.disabled.and(held.map(|(command, _)| *command).collect());
        // Told before it holds, and untold after: nobody who must look closely does not.
        if !off.is_empty() && state.special.is_none() {
            state.special = Some(scope::Special::new());
        }
        self.off.store(off.bits(), Ordering::Release);
        if off.is_empty() {
            state.special = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps commands off while it lives: what [`Cache::disabling`] returns.
#[must_use = "the commands are on again when this is dropped"]
pub struct Disabling {
    cache: Cache,
    commands: Commands,
}

impl Drop for Disabling {
    fn drop(&mut self) {
        self.cache.0.switches.hold(self.commands, |held| held.saturating_sub(1));
    }
}

impl fmt::Debug for Disabling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disabling").field(&self.commands).finish()
    }
}

impl Cache {
    /// Switches commands off, for every task that uses this cache, until they are [enabled](Self::enable).
    ///
    /// A command that is off does nothing and answers as if nothing were there:
    ///
    /// | command | answer |
    /// |---|---|
    /// | `get`, `get_raw`, `size_of`, `get_expire` | nothing (`None`, `Expiry::Missing`) |
    /// | `get_many`, `get_match`, `scan`, `keys_count` | a `None` for each key; none; 0 |
    /// | `set`, `add`, `cas`, `set_raw`, `expire`, `exists` | `false` |
    /// | `incr`, `decr` | the step, as of a counter that begins |
    /// | `delete`, `delete_many`, `delete_match` | `false`, 0 |
    /// | `set_many`, `delete_tags`, `clear`, `flush_all` | done |
    /// | `lock`, `set_lock` | granted: **nobody is kept out** |
    /// | `is_locked`, `unlock` | `false` |
    /// | `ping` | an error: nobody was asked |
    /// | `raw` | `Reply::Nil` |
    ///
    /// An annotated function whose [`Get`](Command::Get) is off runs at every call, and what it gives is stored
    /// unless [`Set`](Command::Set) is off too; then it goes past the cache. Invalidation is
    /// [`Delete`](Command::Delete), [`DeleteMatch`](Command::DeleteMatch) and [`DeleteTags`](Command::DeleteTags):
    /// switching these off leaves stale entries behind, for whoever switches reading on again.
    ///
    /// For a stretch of code use [`disabling`](Self::disabling), for one task or request
    /// [`Scope::disable`](crate::Scope::disable), and at set-up the option `enable = false`.
    ///
    /// ```
    /// use cache_core::{Cache, Command, Commands};
    ///
    /// fn maintenance(cache: &Cache) {
    ///     cache.disable([Command::Set, Command::SetMany]);
    ///     assert!(cache.is_disabled(Command::Set));
    ///     cache.enable(Commands::all());
    /// }
    /// ```
    pub fn disable(&self, commands: impl Into<Commands>) {
        self.0.switches.disable(commands.into());
    }

    /// Switches commands on again, also on routes that were set up with `enable = false`. What a guard of
    /// [`disabling`](Self::disabling) holds stays off until the guard is gone; a scope's too.
    pub fn enable(&self, commands: impl Into<Commands>) {
        let commands = commands.into();
        self.0.switches.enable(commands);
        self.0.routes.iter().for_each(|route| route.switches.enable(commands));
    }

    /// Switches commands off while the guard lives. Guards may overlap, in one task or several: a command is on
    /// again when the last guard is gone, unless it was [disabled](Self::disable) beside them.
    ///
    /// ```
    /// use cache_core::{Cache, Command};
    ///
    /// fn import(cache: &Cache) {
    ///     let _quiet = cache.disabling(Command::Set);
    ///     assert!(cache.is_disabled(Command::Set));
    /// }
    /// ```
    pub fn disabling(&self, commands: impl Into<Commands>) -> Disabling {
        let commands = commands.into();
        self.0.switches.hold(commands, |held| held.saturating_add(1));
        Disabling { cache: self.clone(), commands }
    }

    /// Whether a command is off for everybody: on the whole cache, or on every route of it. What a scope switches
    /// off is not counted.
    pub fn is_disabled(&self, command: Command) -> bool {
        self.off_everywhere().contains(command)
    }

    /// Whether every command is off for everybody.
    pub fn is_fully_disabled(&self) -> bool {
        self.off_everywhere() == Commands::all()
    }

    fn off_everywhere(&self) -> Commands {
        let on_all_routes = match &*self.0.routes {
            [] => Commands::none(),
            routes => routes.iter().fold(Commands::all(), |all, route| {
                all.without(Commands::all().without(route.switches.off()))
            }),
        };
        self.0.switches.off().and(on_all_routes)
    }

    /// What is off for a command of the running code on this route.
    pub(crate) fn off(&self, route: &Route) -> Commands {
        if !scope::is_special() {
            return Commands::none();
        }
        self.0.switches.off().and(route.switches.off()).and(scope::disabled())
    }

    /// The route of a key, for a command that is on there.
    pub(crate) fn route_for(&self, command: Command, key: &Key) -> Result<Option<&Route>> {
        let route = self.route_or_error(key)?;
        Ok((!self.is_off(command, route)).then_some(route))
    }

    /// Whether the running code's command does nothing on this route.
    pub(crate) fn is_off(&self, command: Command, route: &Route) -> bool {
        self.off(route).contains(command)
    }
}
