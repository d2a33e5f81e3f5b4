//! What `configure` takes: TOML text, or a map.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The tables of a configuration, by alias.
pub(super) fn tables(aliases: impl Serialize) -> Result<Map<String, Value>> {
    let value = serde_json::to_value(aliases)
        .map_err(|error| Error::config(format!("a configuration does not serialize: {error}")))?;
    let value = match value {
        Value::String(text) => toml(&text)?,
        other => other,
    };
    match value {
        Value::Object(tables) => Ok(tables),
        other => Err(Error::config(format!(
            "a configuration is TOML text or a map of tables, one for each alias; this is {}",
            kind(&other)
        ))),
    }
}

#[cfg(feature = "config")]
fn toml(text: &str) -> Result<Value> {
    toml::from_str(text).map_err(|error| {
        // What is in the text may be secret: the place, and not the line.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
        Error::config(format!("line {} of the configuration is no TOML: {}", line + 1, error.message()))
    })
}

#[cfg(not(feature = "config"))]
fn toml(_: &str) -> Result<Value> {
    Err(Error::config(format!(
        "TOML needs the feature \"config\": macadamia = {{ version = \"{}\", features = [\"config\"] }}",
        env!("CARGO_PKG_VERSION")
    )))
}

/// What kind of thing a value is, for messages; never the value, which may be secret.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
