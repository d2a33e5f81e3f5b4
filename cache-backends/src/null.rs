//! Keeps nothing, so that caching can be switched off by configuration alone.

use std::sync::Arc;

use cache_core::{
    Backend, BackendUrl, BoxFuture, Clock, Entry, Increment, Key, KeyRef, Pattern, Peek, Result, Scheme,
    SetIf, SetOptions, Stamp, SystemClock, Time, Transition,
};

/// A backend that keeps nothing: every read is a miss, every annotated function runs.
///
/// It asks for bytes, so the cache encodes every value before it is let go: a value that could not be stored
/// in Redis fails here already, on the developer's machine.
///
/// It answers like a store that evicts at once:
///
/// | command | answer |
/// |---|---|
/// | `set`, also only if absent | stored (`true`), and gone |
/// | `set` only if present, `delete`, `expire` | nothing was there (`false`) |
/// | `increment` | counted from zero, so the step itself |
/// | `get`, `scan`, `delete_match` | nothing, none, 0 |
///
/// So whoever takes a lock or counts calls through it is always the first: nobody is shut out, nothing is
/// guarded. Do not put guards that protect something on it.
///
/// As a URL: `null://` or `dummy://`; whatever follows is ignored.
///
/// ```
/// use cache_backends::Null;
/// use cache_core::{Backend, Form, Key};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let null = Null::new();
/// assert_eq!(null.form(), Form::Bytes);
/// assert!(null.get(&Key::from("user:7")).await?.is_none());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Null(());

impl Null {
    /// The backend that keeps nothing.
    pub const fn new() -> Self {
        Self(())
    }
}

cache_core::submit_scheme!(Scheme::new(&["null", "dummy"], &[], open).with_any_option());

#[expect(clippy::unnecessary_wraps, reason = "the signature of every scheme")]
fn open(_: &BackendUrl) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(Null::new()))
}

impl Backend for Null {
    fn name(&self) -> &'static str {
        "null"
    }

    fn peek(&self, _: KeyRef<'_>, _: &mut dyn FnMut(&Entry)) -> Peek {
        Peek::Missing
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        answer(None)
    }

    fn set<'a>(&'a self, _: &'a Key, _: Arc<Entry>, options: SetOptions) -> BoxFuture<'a, Result<bool>> {
        answer(options.only_if != SetIf::Present)
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        answer(false)
    }

    fn delete_match<'a>(&'a self, _: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        answer(0)
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        answer(tags.iter().map(|tag| Stamp::new(tag.clone(), 1)).collect())
    }

    fn delete_tags<'a>(&'a self, _: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        answer(())
    }

    fn update<'a>(&'a self, _: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            change.step(None, SystemClock.now());
            Ok(())
        })
    }

    fn size_of<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        answer(None)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        answer(())
    }

    fn scan<'a>(&'a self, _: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        answer(Vec::new())
    }

    fn expire<'a>(&'a self, _: &'a Key, _: Time) -> BoxFuture<'a, Result<bool>> {
        answer(false)
    }

    fn increment<'a>(&'a self, _: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        answer(step.by)
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(Ok(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cache_core::{Encoded, Form, Meta};

    fn entry() -> Arc<Entry> {
        Entry::new(Encoded(Vec::new().into()), Meta::new(Time::from_nanos(1), Time::NEVER))
    }

    fn only_if(only_if: SetIf) -> SetOptions {
        let mut options = SetOptions::default();
        options.only_if = only_if;
        options
    }

    #[tokio::test]
    async fn what_was_stored_is_not_there() {
        let (null, key) = (Null::new(), Key::from("k"));
        assert!(null.set(&key, entry(), SetOptions::default()).await.unwrap());
        assert!(null.get(&key).await.unwrap().is_none());
        assert_eq!(null.peek(key.as_key(), &mut |_| panic!("nothing to show")), Peek::Missing);
        assert_eq!(null.get_many(&[key.clone(), key.clone()]).await.unwrap().len(), 2);
        assert!(null.scan(&"*".into()).await.unwrap().is_empty());
        assert!(!null.delete(&key).await.unwrap());
        assert_eq!(null.delete_match(&"*".into()).await.unwrap(), 0);
        null.clear().await.unwrap();
    }

    #[tokio::test]
    async fn it_answers_like_a_store_that_evicts_at_once() {
        let (null, key) = (Null::new(), Key::from("k"));
        assert!(null.set(&key, entry(), only_if(SetIf::Absent)).await.unwrap());
        assert!(null.set(&key, entry(), only_if(SetIf::Absent)).await.unwrap());
        assert!(!null.set(&key, entry(), only_if(SetIf::Present)).await.unwrap());
        assert!(!null.expire(&key, Time::NEVER).await.unwrap());
        assert_eq!(null.increment(&key, Increment::new(3, None)).await.unwrap(), 3);
        assert_eq!(null.increment(&key, Increment::new(3, None)).await.unwrap(), 3);
        assert_eq!(null.ping("hello").await.unwrap(), "hello");
    }

    #[test]
    fn it_keeps_bytes_so_that_values_are_encoded() {
        assert_eq!(Null::new().form(), Form::Bytes);
    }
}
