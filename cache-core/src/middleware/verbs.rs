//! A chain as a backend: every verb becomes a request, and its answer is taken out of the response.

use std::sync::Arc;

use super::item::item;
use super::layered::Layered;
use super::next::Along;
use super::taken::Taken;
use super::{Request, Response, Verb};
use crate::backend::{Backend, Fill, Form, Increment, Near, Peek, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

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

fn unfit(verb: Verb, answer: &Response) -> Error {
    Error::backend(format_args!("a middleware answered `{verb}` with {answer:?}"))
}

fn misaligned(verb: Verb) -> Error {
    Error::backend(format_args!("a middleware answered `{verb}` with more or fewer answers than keys"))
}

impl Backend for Layered {
    fn name(&self) -> &'static str {
        self.backend().name()
    }

    fn form(&self) -> Form {
        self.backend().form()
    }

    fn check(&self) -> Result<()> {
        self.layers().iter().try_for_each(|layer| layer.check())?;
        self.backend().check()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.attach_clock(clock);
    }

    fn weighs(&self) -> bool {
        self.backend().weighs()
    }

    fn counts(&self) -> bool {
        self.backend().counts()
    }

    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        self.peek_inner(key, show)
    }

    /// By the keys that the backend knows: those that were offered to be kept.
    fn near(&self) -> Option<&dyn Near> {
        self.inner_near()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        asked!(self, Request::Get { key: key.clone() }, Entry)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            let asked: BoxFuture<'_, Result<Vec<_>>> =
                asked!(self, Request::GetMany { keys: keys.to_vec() }, Entries);
            let entries = asked.await?;
            if entries.len() == keys.len() { Ok(entries) } else { Err(misaligned(Verb::GetMany)) }
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
            let taken = Taken::new(self.backend());
            let along = Along { taken: Some(&taken), ..Along::default() };
            let request = Request::BeginFill { key: key.clone() };
            match self.ask(request, along).await? {
                Response::Fill(Some(fill)) if !taken.hand_over(fill) => {
                    Err(Error::backend("a middleware gave a right to fill that the backend does not know"))
                }
                Response::Fill(fill) => Ok(fill),
                other => Err(unfit(Verb::BeginFill, &other)),
            }
        })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.backend().end_fill(&self.inner_key(key), fill);
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

    /// Every layer is to see it, and may wait.
    fn update_now(&self, _: KeyRef<'_>, _: &mut dyn Transition) -> bool {
        false
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
