//! A backend with a chain around it.

use std::any::Any;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::next::Along;
use super::{Item, KeyPrefix, Middleware, Next, Request, Response, mapping};
use crate::backend::{Backend, Fill, Form, Increment, Peek, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::codec::Codec;
use crate::entry::{Encoded, Entry, Kind};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef, RESERVED};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

/// A backend whose commands pass layers, outermost first.
pub(crate) struct Layered {
    backend: Arc<dyn Backend>,
    layers: Box<[Arc<dyn Middleware>]>,
    sees_hits: bool,
    /// What all layers together put before a key, where they do nothing else to it.
    prefix: Option<String>,
    clock: OnceLock<Arc<dyn Clock>>,
}

/// A value on its way through a chain, with the codec that waits behind it.
struct Unencoded {
    entry: Arc<Entry>,
    codec: Option<Codec>,
}

/// The entry as a [`Layered`] backend wants it: not encoded yet.
pub(crate) fn unencoded(entry: Arc<Entry>, codec: Option<&Codec>) -> Arc<Entry> {
    let meta = entry.meta();
    Entry::new(Unencoded { entry, codec: codec.copied() }, meta)
}

/// The entry in the form that a backend keeps.
pub(crate) fn encoded(form: Form, entry: Arc<Entry>, codec: Option<&Codec>) -> Result<Arc<Entry>> {
    match (form, codec) {
        (Form::Objects, _) => Ok(entry),
        (Form::Bytes, _) if entry.encoded().is_some() => Ok(entry),
        (Form::Bytes, Some(codec)) if entry.kind() == Kind::Value => codec.encode(&entry),
        // `None` has no value to encode.
        (Form::Bytes, _) if entry.kind() == Kind::Absent => {
            Ok(Entry::new(Encoded(bytes::Bytes::new()), entry.meta()).stamped(entry.stamps().to_vec()))
        }
        (Form::Bytes, _) => Err(Error::Codec {
            type_name: "this type",
            reason: "it has no serde implementation and the backend keeps bytes".into(),
        }),
    }
}

impl Layered {
    pub(crate) fn new(backend: Arc<dyn Backend>, layers: Vec<Arc<dyn Middleware>>) -> Self {
        let prefixes = layers.iter().rev().map(|layer| {
            let layer: &dyn Any = &**layer;
            layer.downcast_ref().map(KeyPrefix::as_str)
        });
        Self {
            backend,
            sees_hits: layers.iter().any(|layer| layer.sees_hits()),
            prefix: prefixes.collect(),
            layers: layers.into(),
            clock: OnceLock::new(),
        }
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
    fn innermost(&self, text: &str) -> Option<String> {
        let mut mapped: Option<String> = None;
        for layer in &self.layers {
            mapped = mapping::map_text(&**layer, mapped.as_deref().unwrap_or(text)).or(mapped);
        }
        mapped
    }

    /// The key behind all layers, for the verbs that cannot wait.
    fn inner_key(&self, key: &Key) -> Key {
        self.innermost(key.as_str()).map_or_else(|| key.clone(), Key::from)
    }

    fn ask<'a>(&'a self, request: Request, along: Along<'a>) -> BoxFuture<'a, Result<Response>> {
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
        Ok((item.key, encoded(self.backend.form(), item.entry, item.codec.as_ref())?))
    }

    /// Removes what was stored through these layers: everything, unless they keep their keys apart.
    async fn clear_inner(&self) -> Result<()> {
        let Some(all) = self.innermost("*").filter(|all| all != "*") else {
            return self.backend.clear().await;
        };
        // Guards first: a lock that outlives its values is harmless, values that outlive a failure are not.
        for reserved in RESERVED {
            self.backend.delete_match(&Pattern::new([reserved, &all].concat())).await?;
        }
        self.backend.delete_match(&Pattern::new(all)).await.map(drop)
    }
}

/// A middleware made up a request that only a command can make.
fn nothing_along() -> Error {
    Error::backend("a middleware made a `compare_and_set` or `update` of its own; it can only pass one on")
}

fn item(key: Key, entry: Arc<Entry>) -> Item {
    match entry.downcast_ref::<Unencoded>() {
        Some(inner) => Item::new(key, Arc::clone(&inner.entry), inner.codec),
        None => Item::new(key, entry, None),
    }
}

/// The rights to fill that were taken on behalf of a command. What is left when it ends, also by being dropped, is
/// given back.
pub(super) struct Taken<'a> {
    backend: &'a dyn Backend,
    rights: Mutex<Vec<(Key, Fill)>>,
}

impl Taken<'_> {
    fn note(&self, key: Key, fill: Fill) {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner).push((key, fill));
    }

    /// This one has arrived.
    fn hand_over(&self, fill: Fill) -> bool {
        let mut rights = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        rights.iter().position(|(_, known)| *known == fill).map(|at| rights.swap_remove(at)).is_some()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        for (key, fill) in self.rights.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.backend.end_fill(&key, fill);
        }
    }
}

/// Asks the chain and takes the answer out of the variant it must have.
macro_rules! asked {
    ($self:ident, $request:expr, $variant:ident) => {
        asked!($self, $request, Along::default(), $variant)
    };
    ($self:ident, $request:expr, $along:expr, $variant:ident) => {
        Box::pin(async move {
            let request = $request;
            let verb = request.verb();
            match $self.ask(request, $along).await? {
                Response::$variant(answer) => Ok(answer),
                other => Err(unfit(verb, &other)),
            }
        })
    };
}

/// The same for an answer that says nothing.
macro_rules! done {
    ($self:ident, $request:expr) => {
        done!($self, $request, Along::default())
    };
    ($self:ident, $request:expr, $along:expr) => {
        Box::pin(async move {
            let request = $request;
            let verb = request.verb();
            match $self.ask(request, $along).await? {
                Response::Done => Ok(()),
                other => Err(unfit(verb, &other)),
            }
        })
    };
}

fn unfit(verb: super::Verb, answer: &Response) -> Error {
    Error::backend(format_args!("a middleware answered `{verb}` with {answer:?}"))
}

fn misaligned(verb: super::Verb) -> Error {
    Error::backend(format_args!("a middleware answered `{verb}` with more or fewer answers than keys"))
}

impl Backend for Layered {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn form(&self) -> Form {
        self.backend.form()
    }

    fn check(&self) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.check())?;
        self.backend.check()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.clock.get_or_init(|| Arc::clone(clock));
        self.backend.attach(clock);
    }

    fn weighs(&self) -> bool {
        self.backend.weighs()
    }

    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
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

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        asked!(self, Request::Get { key: key.clone() }, Entry)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            let asked: BoxFuture<'_, Result<Vec<_>>> =
                asked!(self, Request::GetMany { keys: keys.to_vec() }, Entries);
            let entries = asked.await?;
            if entries.len() == keys.len() { Ok(entries) } else { Err(misaligned(super::Verb::GetMany)) }
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        asked!(self, Request::Set { item: item(key.clone(), entry), options }, Flag)
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        let items = entries.into_iter().map(|(key, entry)| item(key, entry)).collect();
        done!(self, Request::SetMany { items })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        let along = Along { expected: Some(expected), ..Along::default() };
        asked!(self, Request::CompareAndSet { item: item(key.clone(), entry) }, along, Flag)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        asked!(self, Request::Delete { key: key.clone() }, Flag)
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        asked!(self, Request::DeleteMany { keys: keys.to_vec() }, Count)
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        asked!(self, Request::DeleteMatch { pattern: pattern.clone() }, Count)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        done!(self, Request::Clear)
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        asked!(self, Request::Scan { pattern: pattern.clone() }, Keys)
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        asked!(self, Request::Expire { key: key.clone(), expires }, Flag)
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        asked!(self, Request::Increment { key: key.clone(), step }, Number)
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move {
            let taken = Taken { backend: &*self.backend, rights: Mutex::default() };
            let along = Along { taken: Some(&taken), ..Along::default() };
            let request = Request::BeginFill { key: key.clone() };
            match self.ask(request, along).await? {
                Response::Fill(Some(fill)) if !taken.hand_over(fill) => {
                    Err(Error::backend("a middleware gave a right to fill that the backend does not know"))
                }
                Response::Fill(fill) => Ok(fill),
                other => Err(unfit(super::Verb::BeginFill, &other)),
            }
        })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.backend.end_fill(&self.inner_key(key), fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        asked!(self, Request::Stamp { tags: tags.to_vec() }, Stamps)
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        asked!(self, Request::Generations { tags: tags.to_vec() }, Generations)
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        done!(self, Request::DeleteTags { tags: tags.to_vec() })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let change = tokio::sync::Mutex::new(change);
            let along = Along { change: Some(&change), ..Along::default() };
            done!(self, Request::Update { key: key.clone() }, along).await
        })
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        asked!(self, Request::SizeOf { key: key.clone() }, Size)
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        let args = args.iter().map(|arg| bytes::Bytes::copy_from_slice(arg)).collect();
        asked!(self, Request::Raw { command: command.to_owned(), args }, Reply)
    }

    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        done!(self, Request::FlushAll)
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        asked!(self, Request::Ping { message: message.to_owned() }, Text)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        done!(self, Request::Close)
    }
}
