//! What a route is made of: a backend, its options, its layers.

use std::sync::Arc;

use super::Route;
use super::options::Options;
use super::route::COMMAND_TIMEOUT;
use crate::backend::{Backend, Form, IntoBackend};
use crate::clock::Clock;
use crate::command::Commands;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::event::Observer;
use crate::key::{RESERVED, is_reserved};
use crate::lock::PREFIX;
use crate::middleware::{Layered, Middleware, innermost};
use crate::pattern::Pattern;
use crate::scheme;
use crate::sealed::Sealed;
use crate::steady::{Steady, Terms};
use crate::url::BackendUrl;

/// A backend and what its route adds.
#[derive(Debug)]
pub struct Opened {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) options: Options,
    pub(super) layers: Vec<Arc<dyn Middleware>>,
    /// Whether a setter gave secrets, which end those of the URL.
    pub(super) has_secrets: bool,
}

/// What `.route(prefix, …)` takes: a URL, a backend built in code, or a [`Route`](crate::Route) with more to say.
pub trait IntoRoute {
    /// Opens it.
    fn open(self) -> Result<Opened>;
}

impl IntoRoute for &BackendUrl {
    fn open(self) -> Result<Opened> {
        let options = Options::of_url(self)?;
        Ok(Opened { options, backend: scheme::open(self)?, layers: Vec::new(), has_secrets: false })
    }
}

impl IntoRoute for &str {
    fn open(self) -> Result<Opened> {
        BackendUrl::parse(self)?.open()
    }
}

impl IntoRoute for String {
    fn open(self) -> Result<Opened> {
        self.as_str().open()
    }
}

impl IntoRoute for &String {
    fn open(self) -> Result<Opened> {
        self.as_str().open()
    }
}

impl<B: IntoBackend> IntoRoute for B {
    fn open(self) -> Result<Opened> {
        Ok(Opened {
            backend: self.into_backend()?,
            options: Options::default(),
            layers: Vec::new(),
            has_secrets: false,
        })
    }
}

impl Opened {
    /// The route, with the cache's layers outside its own and its key space inside both.
    pub(super) fn route(
        self,
        prefix: &str,
        defaults: &Options,
        outer: &[Arc<dyn Middleware>],
        clock: &Arc<dyn Clock>,
        observer: Option<&Arc<dyn Observer>>,
    ) -> Result<Route> {
        let options = self.options.over(defaults.clone());
        self.layers.iter().try_for_each(|layer| layer.check())?;
        let mut layers = [outer, &self.layers].concat();
        layers.extend(options.space()?.map(|space| Arc::new(space) as Arc<dyn Middleware>));
        let disabled = if options.enable.unwrap_or(true) { Commands::none() } else { Commands::all() };
        // Where nothing is sealed, a digest that the cache says for all routes is nothing to refuse.
        let envelope = match self.backend.form() {
            Form::Objects if options.secrets.is_none() => Envelope::new(),
            _ => options.envelope()?,
        };
        let sealed = Sealed::around(self.backend, envelope, observer.cloned());
        let terms = Terms {
            route: prefix.into(),
            limit: options.timeout.filter(|limit| !limit.is_zero()).unwrap_or(COMMAND_TIMEOUT),
            keys: keys_of(prefix, &layers),
            observer: observer.cloned(),
        };
        let steady = Steady::around(&sealed, terms);
        let backend = steady.as_ref().map_or(sealed, |steady| Arc::clone(steady) as Arc<dyn Backend>);
        let layered =
            (!layers.is_empty()).then(|| Layered::new(Arc::clone(&backend), layers).over(steady.as_ref()));
        Ok(Route::new(prefix, (backend, steady), layered, &options, disabled, clock))
    }
}

/// Everything that a route of this prefix may have stored, as it is spelled behind its layers. But no locks: whoever
/// removes all this is not asked to free them.
fn keys_of(prefix: &str, layers: &[Arc<dyn Middleware>]) -> Vec<Pattern> {
    let prefix = if prefix.contains('*') { "" } else { prefix };
    let own = format!("{prefix}*");
    let beside = RESERVED.iter().filter(|reserved| **reserved != PREFIX && !is_reserved(prefix));
    let texts = std::iter::once(own.clone()).chain(beside.map(|reserved| [reserved, &*own].concat()));
    texts.map(|text| Pattern::new(innermost(layers, &text).unwrap_or(text))).collect()
}
