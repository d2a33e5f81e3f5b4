//! One alias: what its table says, checked.

use serde_json::{Map, Value};

use super::fields;
use super::source::kind;
use crate::cache::{Cache, RouteTo};
use crate::error::{Error, Result};
use crate::middleware::{check_plugin, make_plugin};
use crate::url::BackendUrl;

/// What a table says of its cache.
#[derive(Clone, PartialEq)]
pub(super) struct Alias {
    routes: Vec<Described>,
    plugins: Vec<Named>,
}

#[derive(Clone, PartialEq)]
struct Described {
    prefix: String,
    url: BackendUrl,
    plugins: Vec<Named>,
}

/// A plugin and its options.
#[derive(Clone, PartialEq)]
struct Named {
    name: String,
    options: Map<String, Value>,
}

impl Alias {
    /// What `default` is if nobody says otherwise.
    pub(super) fn memory() -> Result<Self> {
        let url = BackendUrl::parse("mem://")?;
        Ok(Self {
            routes: vec![Described { prefix: String::new(), url, plugins: Vec::new() }],
            plugins: Vec::new(),
        })
    }

    pub(super) fn read(table: Value) -> Result<Self> {
        let Value::Object(mut table) = table else {
            return Err(Error::config(format!("it is {}: expected a table", kind(&table))));
        };
        let plugins = plugins(table.remove("plugins"))?;
        let further = match table.remove("routes") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(routes)) => routes,
            Some(other) => {
                return Err(Error::config(format!("`routes` is {}: expected a table", kind(&other))));
            }
        };
        let mut routes = Vec::new();
        if let Some(url) = fields::url(table, &["plugins", "routes"])? {
            routes.push(Described { prefix: String::new(), url, plugins: Vec::new() });
        }
        for (prefix, route) in further {
            let route = Described::read(&prefix, route).map_err(|error| match error {
                Error::Config(message) => Error::config(format!("route \"{prefix}\": {message}")),
                other => other,
            })?;
            if routes.iter().any(|known| known.prefix == route.prefix) {
                return Err(Error::config(format!("the prefix \"{prefix}\" is routed twice")));
            }
            routes.push(route);
        }
        if routes.is_empty() {
            return Err(Error::config("it needs `url`, `backend` or `routes`"));
        }
        Ok(Self { routes, plugins })
    }

    pub(super) fn build(&self) -> Result<Cache> {
        let mut builder = Cache::builder();
        for plugin in &self.plugins {
            builder = builder.layer(make_plugin(&plugin.name, plugin.options.clone())?);
        }
        for route in &self.routes {
            let mut to = RouteTo::to(&route.url);
            for plugin in &route.plugins {
                to = to.layer(make_plugin(&plugin.name, plugin.options.clone())?);
            }
            builder = builder.route(&route.prefix, to);
        }
        builder.build_now()
    }
}

impl Described {
    fn read(prefix: &str, route: Value) -> Result<Self> {
        let (url, plugins) = match route {
            Value::String(url) => {
                let url = BackendUrl::parse(&url)?;
                crate::scheme::check(&url)?;
                (Some(url), Vec::new())
            }
            Value::Object(mut table) => {
                let plugins = plugins(table.remove("plugins"))?;
                (fields::url(table, &["plugins"])?, plugins)
            }
            other => return Err(Error::config(format!("it is {}: expected a URL or a table", kind(&other)))),
        };
        let url = url.ok_or_else(|| Error::config("it needs `url` or `backend`"))?;
        Ok(Self { prefix: prefix.to_owned(), url, plugins })
    }
}

/// The list of plugins, in its order.
fn plugins(list: Option<Value>) -> Result<Vec<Named>> {
    let list = match list {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(Error::config(format!("`plugins` is {}: expected a list", kind(&other)))),
    };
    list.into_iter()
        .map(|plugin| {
            let plugin = match plugin {
                Value::String(name) => Named { name, options: Map::new() },
                Value::Object(mut options) => match options.remove("class") {
                    Some(Value::String(name)) => Named { name, options },
                    _ => return Err(Error::config("a plugin is its name, or a table with `class`")),
                },
                other => {
                    return Err(Error::config(format!(
                        "a plugin is its name or a table; this is {}",
                        kind(&other)
                    )));
                }
            };
            check_plugin(&plugin.name, &plugin.options)?;
            Ok(plugin)
        })
        .collect()
}
