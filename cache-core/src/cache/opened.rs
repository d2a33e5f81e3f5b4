//! What a route is made of: a backend, its options, its layers.

use std::sync::Arc;

use super::Route;
use super::options::Options;
use crate::backend::{Backend, Form, IntoBackend};
use crate::clock::Clock;
use crate::command::Commands;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::event::Observer;
use crate::middleware::{Layered, Middleware};
use crate::scheme;
use crate::sealed::Sealed;
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
        let backend = Sealed::around(self.backend, envelope, observer.cloned());
        let layered = (!layers.is_empty()).then(|| Layered::new(Arc::clone(&backend), layers));
        Ok(Route::new(prefix, backend, layered, &options, disabled, clock))
    }
}
