//! The fields of one route in a configuration, as the URL they mean.

use serde_json::{Map, Value};

use super::source::kind;
use crate::error::{Error, Result};
use crate::near::unknown;
use crate::scheme;
use crate::url::{Address, BackendUrl};

/// Fields that say where, and not how.
const PLACE: &[&str] = &["url", "backend", "endpoint", "port", "db", "user", "password"];

/// Fields that may hold a list: an option that a URL may say several times. They are one, in two spellings.
const LISTS: [&str; 2] = ["secret", "hash_key"];

/// Names that other libraries give to our schemes.
const ALSO: &[(&str, &str)] = &[("memory", "mem"), ("dummy", "null")];

/// Takes the fields of a route out of its table; the rest must be options of its backend. `None`: it says no place.
pub(super) fn url(mut table: Map<String, Value>, other: &[&str]) -> Result<Option<BackendUrl>> {
    let mut place = Place::default();
    for (field, slot) in PLACE.iter().zip(place.slots()) {
        *slot = table.remove(*field).map(|value| text(field, &value)).transpose()?.flatten();
    }
    let Some(mut url) = place.url()? else {
        let Some((field, _)) = table.iter().find(|(_, value)| !value.is_null()) else { return Ok(None) };
        return Err(Error::config(format!("`{field}` belongs to a backend: add `url` or `backend`")));
    };
    if let [one, other] = LISTS
        && LISTS.iter().all(|name| table.get(*name).is_some_and(|value| !value.is_null()))
    {
        return Err(Error::config(format!("`{one}` and `{other}` are one option: give one of them")));
    }
    let options = scheme::options(&url)?;
    for (name, value) in table {
        let name = name.to_ascii_lowercase();
        if options.as_ref().is_some_and(|known| !known.contains(&name.as_str())) {
            let all = [PLACE, other, options.as_deref().unwrap_or_default()].concat();
            return Err(unknown("field", &name, all));
        }
        url = match value {
            Value::Null => url,
            Value::Array(list) if LISTS.contains(&&*name) => url.with_option(&name, texts(&name, &list)?),
            value => url.with_option(&name, text(&name, &value)?),
        };
    }
    scheme::check(&url)?;
    Ok(Some(url))
}

#[derive(Default)]
struct Place {
    url: Option<String>,
    backend: Option<String>,
    endpoint: Option<String>,
    port: Option<String>,
    db: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

impl Place {
    /// In the order of [`PLACE`].
    fn slots(&mut self) -> [&mut Option<String>; 7] {
        [
            &mut self.url,
            &mut self.backend,
            &mut self.endpoint,
            &mut self.port,
            &mut self.db,
            &mut self.user,
            &mut self.password,
        ]
    }

    fn url(self) -> Result<Option<BackendUrl>> {
        let Some(backend) = self.backend else {
            let alone = [
                ("endpoint", self.endpoint.is_some()),
                ("port", self.port.is_some()),
                ("db", self.db.is_some()),
                ("user", self.user.is_some()),
                ("password", self.password.is_some()),
            ];
            if let Some((field, _)) = alone.iter().find(|(_, given)| *given) {
                return Err(Error::config(format!("`{field}` goes with `backend`; a `url` says it itself")));
            }
            return self.url.map(|url| BackendUrl::parse(&url)).transpose();
        };
        if self.url.is_some() {
            return Err(Error::config("`url` and `backend` say the same: give one of them"));
        }
        let port = self.port.map(|port| {
            port.parse().map_err(|_| Error::config(format!("`port` = {port}: expected a number up to 65535")))
        });
        let scheme = ALSO.iter().find(|(also, _)| *also == backend).map_or(&*backend, |(_, scheme)| scheme);
        Ok(Some(BackendUrl::of(Address {
            scheme: scheme.to_owned(),
            user: self.user,
            password: self.password,
            host: self.endpoint.unwrap_or_default(),
            port: port.transpose()?,
            path: self.db.unwrap_or_default(),
        })))
    }
}

/// A value as the text a URL would have; `None` for nothing.
fn text(field: &str, value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(on) => Ok(Some(on.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => {
            let wanted =
                if LISTS.contains(&field) { "text or a list of texts" } else { "text, a number or a switch" };
            Err(Error::config(format!("`{field}` is {}: expected {wanted}", kind(other))))
        }
    }
}

/// A list of texts.
fn texts(field: &str, list: &[Value]) -> Result<Vec<String>> {
    if list.is_empty() {
        return Err(Error::config(format!("`{field}` is an empty list: leave it out, or name one")));
    }
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(Error::config(format!("`{field}` holds {}: expected a list of texts", kind(other)))),
    };
    list.iter().map(text).collect()
}
