//! A backend with a chain around it.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::item::encoded;
use super::next::Along;
use super::{Item, KeyPrefix, Middleware, Next, Request, Response, mapping};
use crate::backend::{Backend, Near, Peek};
use crate::clock::{BoxFuture, Clock};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef};
use crate::steady::{Steady, Whole, with_guards};

/// A backend whose commands pass layers, outermost first.
pub(crate) struct Layered {
    backend: Arc<dyn Backend>,
    /// The same, where what fails is kept.
    steady: Option<Arc<Steady>>,
    layers: Box<[Arc<dyn Middleware>]>,
    sees_hits: bool,
    /// What all layers together put before a key, where they do nothing else to it.
    prefix: Option<String>,
    clock: OnceLock<Arc<dyn Clock>>,
}

impl Layered {
    pub(crate) fn new(backend: Arc<dyn Backend>, layers: Vec<Arc<dyn Middleware>>) -> Self {
        let prefixes = layers.iter().rev().map(|layer| {
            let layer: &dyn Any = &**layer;
            layer.downcast_ref().map(KeyPrefix::as_str)
        });
        Self {
            backend,
            steady: None,
            sees_hits: layers.iter().any(|layer| layer.sees_hits()),
            prefix: prefixes.collect(),
            layers: layers.into(),
            clock: OnceLock::new(),
        }
    }

    /// The same around a backend that is steady: this one.
    pub(crate) fn over(mut self, steady: Option<&Arc<Steady>>) -> Self {
        self.steady = steady.map(Arc::clone);
        self
    }

    pub(crate) fn layers(&self) -> &[Arc<dyn Middleware>] {
        &self.layers
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(super) fn clock(&self) -> Option<&Arc<dyn Clock>> {
        self.clock.get()
    }

    /// What a key or pattern is behind all layers.
    pub(crate) fn innermost(&self, text: &str) -> Option<String> {
        innermost(&self.layers, text)
    }

    /// The key behind all layers, for the verbs that cannot wait.
    pub(super) fn inner_key(&self, key: &Key) -> Key {
        self.innermost(key.as_str()).map_or_else(|| key.clone(), Key::from)
    }

    pub(super) fn attach_clock(&self, clock: &Arc<dyn Clock>) {
        self.clock.get_or_init(|| Arc::clone(clock));
        self.backend.attach(clock);
    }

    /// What is kept near passes no layer, so there is nothing near where one has to see that.
    pub(super) fn inner_near(&self) -> Option<&dyn Near> {
        if self.sees_hits { None } else { self.backend.near() }
    }

    /// Shows the entry without waiting, if no layer has to see that.
    pub(super) fn peek_inner(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        /// Keys up to this length are put together without allocating.
        const SHORT: usize = 256;
        if self.sees_hits {
            return Peek::Remote;
        }
        if let Some(prefix) = &self.prefix {
            let (reserved, bare) = mapping::split_reserved(key.as_str());
            let mut text = [0; SHORT];
            let parts = [reserved, prefix, bare];
            let len: usize = parts.iter().map(|part| part.len()).sum();
            if len <= SHORT {
                let mut at = 0;
                for part in parts {
                    text[at..at + part.len()].copy_from_slice(part.as_bytes());
                    at += part.len();
                }
                return self
                    .backend
                    .peek(KeyRef::from_parts(crate::key::hash(&text[..len]), &text[..len]), show);
            }
        }
        match self.innermost(key.as_str()) {
            Some(text) => self.backend.peek(KeyRef::new(&text), show),
            None => self.backend.peek(key, show),
        }
    }

    pub(super) fn ask<'a>(&'a self, request: Request, along: Along<'a>) -> BoxFuture<'a, Result<Response>> {
        Next::new(self, along).run(request)
    }

    /// The end of the chain.
    pub(super) async fn finish(&self, request: Request, along: Along<'_>) -> Result<Response> {
        let backend = &*self.backend;
        Ok(match request {
            Request::Get { key } => Response::Entry(backend.get(&key).await?),
            Request::GetMany { keys } => Response::Entries(backend.get_many(&keys).await?),
            Request::Set { item, options } => {
                let (key, entry) = self.to_store(item)?;
                Response::Flag(backend.set(&key, entry, options).await?)
            }
            Request::SetMany { items } => {
                let entries = items.into_iter().map(|item| self.to_store(item)).collect::<Result<_>>()?;
                backend.set_many(entries).await?;
                Response::Done
            }
            Request::CompareAndSet { item } => {
                let Some(expected) = along.expected else { return Err(nothing_along()) };
                let (key, entry) = self.to_store(item)?;
                Response::Flag(backend.compare_and_set(&key, expected, entry).await?)
            }
            Request::Delete { key } => Response::Flag(backend.delete(&key).await?),
            Request::DeleteMany { keys } => Response::Count(backend.delete_many(&keys).await?),
            Request::DeleteMatch { pattern } => Response::Count(backend.delete_match(&pattern).await?),
            Request::Clear => {
                self.clear_inner().await?;
                Response::Done
            }
            Request::Scan { pattern } => {
                let mut keys = backend.scan(&pattern).await?;
                keys.retain(|key| pattern.matches(key.as_str()));
                Response::Keys(keys)
            }
            Request::Expire { key, expires } => Response::Flag(backend.expire(&key, expires).await?),
            Request::Increment { key, step } => Response::Number(backend.increment(&key, step).await?),
            Request::BeginFill { key } => {
                let fill = backend.begin_fill(&key).await?;
                if let (Some(fill), Some(taken)) = (fill, along.taken) {
                    taken.note(key, fill);
                }
                Response::Fill(fill)
            }
            Request::Stamp { tags } => Response::Stamps(backend.stamp(&tags).await?),
            Request::Generations { tags } => Response::Generations(backend.generations(&tags).await?),
            Request::DeleteTags { tags } => {
                backend.delete_tags(&tags).await?;
                Response::Done
            }
            Request::Update { key } => {
                let Some(change) = along.change else { return Err(nothing_along()) };
                change.update(backend, &key).await?;
                Response::Done
            }
            Request::SizeOf { key } => Response::Size(backend.size_of(&key).await?),
            Request::Raw { command, args } => {
                let args: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
                Response::Reply(backend.raw(&command, &args).await?)
            }
            Request::FlushAll => {
                backend.flush_all().await?;
                Response::Done
            }
            Request::Ping { message } => Response::Text(backend.ping(&message).await?),
            Request::Close => {
                backend.close().await?;
                Response::Done
            }
        })
    }

    fn to_store(&self, item: Item) -> Result<(Key, Arc<Entry>)> {
        Ok((item.key, encoded(&*self.backend, item.entry, item.coding)?))
    }

    /// Removes what was stored through these layers: everything, unless they keep their keys apart.
    async fn clear_inner(&self) -> Result<()> {
        let Some(all) = self.innermost("*").filter(|all| all != "*") else {
            return self.backend.clear().await;
        };
        let patterns = with_guards(&all);
        let mut whole = Whole::new(self.steady.as_deref(), patterns.iter().cloned());
        for pattern in &patterns {
            whole.answered(self.backend.delete_match(pattern).await);
        }
        whole.outcome()
    }
}

/// What a key or pattern is behind all these layers; `None` if it stays.
pub(crate) fn innermost(layers: &[Arc<dyn Middleware>], text: &str) -> Option<String> {
    let mut mapped: Option<String> = None;
    for layer in layers {
        mapped = mapping::map_text(&**layer, mapped.as_deref().unwrap_or(text)).or(mapped);
    }
    mapped
}

/// A middleware made up a request that only a command can make.
fn nothing_along() -> Error {
    Error::backend("a middleware made a `compare_and_set` or `update` of its own; it can only pass one on")
}
