//! Middleware by name, for set-ups that are data.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{HitRatio, KeyPrefix, LowerKeys, Middleware, SizeLimit, Timing};
use crate::error::{Error, Result};
use crate::near::unknown;

/// A middleware that [`Cache::configure`](crate::Cache::configure) can name in `plugins`.
///
/// | name | options |
/// |---|---|
/// | `timing` | |
/// | `hit_miss_ratio` (`hit_ratio`) | |
/// | `lower_keys` | |
/// | `key_prefix` | `prefix`, text |
/// | `size_limit` | `min`, `max`, bytes |
///
/// Submit your own beside them:
///
/// ```
/// use std::sync::Arc;
/// use cache_core::Middleware;
/// use cache_core::middleware::Plugin;
///
/// struct Log { level: String }
/// impl Middleware for Log {}
///
/// cache_core::submit_plugin!(Plugin::new("log", &["level"], |options| {
///     Ok(Arc::new(Log { level: options.text("level")?.unwrap_or("info").to_owned() }))
/// }));
/// ```
#[derive(Debug)]
pub struct Plugin {
    name: &'static str,
    options: &'static [&'static str],
    make: fn(&PluginOptions) -> Result<Arc<dyn Middleware>>,
}

impl Plugin {
    /// A plugin with its name, its options, and what makes it of them. Each instance of a cache has its own.
    pub const fn new(
        name: &'static str,
        options: &'static [&'static str],
        make: fn(&PluginOptions) -> Result<Arc<dyn Middleware>>,
    ) -> Self {
        Self { name, options, make }
    }
}

inventory::collect!(Plugin);

/// Makes a [`Plugin`](crate::middleware::Plugin) known to every configuration of the program.
#[macro_export]
macro_rules! submit_plugin {
    ($plugin:expr) => {
        $crate::__private::inventory::submit! { $plugin }
    };
}

inventory::submit! { Plugin::new("timing", &[], |_| Ok(Arc::new(Timing::new()))) }
inventory::submit! { Plugin::new("hit_miss_ratio", &[], |_| Ok(Arc::new(HitRatio::new()))) }
inventory::submit! { Plugin::new("hit_ratio", &[], |_| Ok(Arc::new(HitRatio::new()))) }
inventory::submit! { Plugin::new("lower_keys", &[], |_| Ok(Arc::new(LowerKeys))) }
inventory::submit! {
    Plugin::new("key_prefix", &["prefix"], |options| {
        Ok(Arc::new(KeyPrefix::new(options.text("prefix")?.unwrap_or_default())))
    })
}
inventory::submit! {
    Plugin::new("size_limit", &["min", "max"], |options| {
        let none = SizeLimit::default();
        Ok(Arc::new(SizeLimit {
            min: options.number("min")?.unwrap_or(none.min),
            max: options.number("max")?.unwrap_or(none.max),
        }))
    })
}

/// What a configuration says to a plugin.
#[derive(Debug, Clone, Default)]
pub struct PluginOptions(Map<String, Value>);

impl PluginOptions {
    /// An option that is text.
    ///
    /// # Errors
    /// [`Error::Config`] if it is something else.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        self.of(name, "text", Value::as_str)
    }

    /// An option that is a whole number from zero.
    ///
    /// # Errors
    /// [`Error::Config`] if it is something else.
    pub fn number(&self, name: &str) -> Result<Option<usize>> {
        self.of(name, "a whole number", |value| value.as_u64().and_then(|number| number.try_into().ok()))
    }

    /// An option that is `true` or `false`.
    ///
    /// # Errors
    /// [`Error::Config`] if it is something else.
    pub fn switch(&self, name: &str) -> Result<Option<bool>> {
        self.of(name, "true or false", Value::as_bool)
    }

    fn of<'a, T>(
        &'a self,
        name: &str,
        what: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| Error::config(format!("`{name}` = {value}: expected {what}")))
    }
}

fn find(name: &str) -> Result<&'static Plugin> {
    inventory::iter::<Plugin>.into_iter().find(|plugin| plugin.name == name).ok_or_else(|| {
        unknown("plugin", name, inventory::iter::<Plugin>.into_iter().map(|plugin| plugin.name).collect())
    })
}

/// Whether there is a plugin of this name, with such options.
pub(crate) fn check(name: &str, options: &Map<String, Value>) -> Result<()> {
    let plugin = find(name)?;
    match options.keys().find(|option| !plugin.options.contains(&option.as_str())) {
        Some(option) => Err(unknown(&format!("option of plugin `{name}`"), option, plugin.options.to_vec())),
        None => Ok(()),
    }
}

/// Makes the plugin of this name.
pub(crate) fn make(name: &str, options: Map<String, Value>) -> Result<Arc<dyn Middleware>> {
    check(name, &options)?;
    (find(name)?.make)(&PluginOptions(options)).map_err(|error| match error {
        Error::Config(message) => Error::config(format!("plugin `{name}`: {message}")),
        other => other,
    })
}
