//! What a command can be told for one call, written once for all of them.

use std::future::Future;
use std::time::Duration;

use super::{IntoLimit, Sparing, Value};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::codec::{Codec, IntoCodec};
use crate::coder::Coding;
use crate::error::Result;
use crate::key::{Key, KeyBuf, KeyPart};
use crate::overdue;
use crate::scope::Scope;
use crate::tag::Tags;
use crate::ttl::{IntoTtl, Ttl};

/// What stands between a key and its version. No value of a template writes it: there `%` is escaped.
const VERSION: &str = "%v";

/// What one call says for itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    limit: Option<Result<Duration>>,
    namespace: Option<Box<str>>,
    /// Escaped.
    version: Option<Box<str>>,
    codec: Option<Result<&'static dyn Codec>>,
}

impl Options {
    pub(super) fn timeout(&mut self, limit: impl IntoLimit) {
        self.limit = Some(limit.into_limit());
    }

    pub(super) fn namespace(&mut self, namespace: &str) {
        self.namespace = Some(namespace.into());
    }

    pub(super) fn version(&mut self, version: &(impl KeyPart + ?Sized)) {
        let mut text = KeyBuf::new();
        text.part(version);
        self.version = Some(text.as_str().into());
    }

    pub(super) fn codec(&mut self, codec: impl IntoCodec) {
        self.codec = Some(codec.into_codec());
    }

    /// How values of this type become bytes.
    pub(super) fn coding<T: Value>(&self) -> Result<Coding> {
        Ok(Coding::of::<T>().by(self.codec.clone().transpose()?))
    }

    /// Which errors its caller is spared.
    pub(super) const fn sparing(&self) -> Sparing {
        Sparing::new(self.limit.is_some())
    }

    /// The key as it is in this call's namespace and version.
    pub(super) fn key(&self, key: Key) -> Key {
        let namespace = self.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        if namespace.is_none() && self.version.is_none() {
            return key;
        }
        let mut text = KeyBuf::new();
        if let Some(namespace) = namespace {
            text.literal(namespace);
            text.literal(":");
        }
        text.literal(key.as_str());
        if let Some(version) = &self.version {
            text.literal(VERSION);
            text.literal(version);
        }
        text.as_key().to_key()
    }

    pub(super) fn keys(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        keys.into_iter().map(|key| self.key(key)).collect()
    }

    /// The command, under this call's limit if it has one. That replaces the scope's and the route's, which are
    /// for each answer of a backend: this one is for the whole call.
    pub(super) fn run<'c, T: 'c>(
        self,
        cache: &'c Cache,
        command: impl Future<Output = Result<T>> + Send + 'c,
    ) -> BoxFuture<'c, Result<T>> {
        let limit = match self.limit {
            None => return Box::pin(command),
            Some(Err(error)) => return Box::pin(async move { Err(error) }),
            Some(Ok(limit)) => limit,
        };
        let command: BoxFuture<'c, _> = Box::pin(Scope::new().timeout(limit).run(command));
        if limit.is_zero() {
            return command;
        }
        Box::pin(async move { overdue::limited(&**cache.clock(), cache.now(), limit, command).await })
    }
}

/// How what a command stores lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    pub(super) ttl: Option<Result<Ttl>>,
    pub(super) tags: Tags,
}

impl Life {
    /// The ttl asked for, else the route's.
    pub(super) fn ttl_or(ttl: Option<Result<Ttl>>, default: Option<Ttl>) -> Result<Option<Ttl>> {
        Ok(ttl.transpose()?.or(default))
    }

    pub(super) fn set_ttl(&mut self, ttl: impl IntoTtl) {
        self.ttl = Some(ttl.into_ttl());
    }
}

/// `.namespace(…)` and `.version(…)` of a command.
macro_rules! key_options {
    ($command:ident $(<$generic:ident>)?, $options:ident $(.$more:ident)*) => {
        impl<$($generic)?> $command<'_ $(, $generic)?> {
            /// The key is `namespace:key` for this call, as if it had been written so: routes and patterns see it.
            /// An empty namespace is none.
            pub fn namespace(mut self, namespace: &str) -> Self {
                self.$options$(.$more)*.namespace(namespace);
                self
            }

            /// The entry of this version, a number or text: each version of a key is an entry of its own, and the
            /// key without one is another. Routes and patterns with a `*` at the end take a key with all its
            /// versions (it is written `key%v7`).
            pub fn version(mut self, version: impl $crate::key::KeyPart) -> Self {
                self.$options$(.$more)*.version(&version);
                self
            }
        }
    };
}

/// `.timeout(…)` of a command.
macro_rules! timeout_option {
    ($command:ident $(<$generic:ident>)?, $options:ident $(.$more:ident)*) => {
        impl<$($generic)?> $command<'_ $(, $generic)?> {
            /// The whole call may take this long (`"250ms"`, seconds, a [`Duration`](std::time::Duration)), then it
            /// is [`Error::Timeout`](crate::Error::Timeout); zero is as long as it likes. Wins over the scope's and
            /// the route's. What it did on the way is not undone.
            pub fn timeout(mut self, limit: impl $crate::command::IntoLimit) -> Self {
                self.$options$(.$more)*.timeout(limit);
                self
            }
        }
    };
}

/// `.codec(…)` of a command that reads or stores values.
macro_rules! codec_option {
    ($command:ident $(<$generic:ident>)?, $options:ident $(.$more:ident)*) => {
        impl<$($generic)?> $command<'_ $(, $generic)?> {
            /// Bytes are written by this codec in place of the route's: `&Json`, or the name of one of ours (`"json"`).
            /// What is stored says which of ours wrote it; to read what a codec of one's own wrote, say it here too.
            /// Values that stay in memory have no need of one.
            pub fn codec(mut self, codec: impl $crate::codec::IntoCodec) -> Self {
                self.$options$(.$more)*.codec(codec);
                self
            }
        }
    };
}

/// All that every command of a key has.
macro_rules! call_options {
    ($($command:tt)*) => {
        $crate::command::options::key_options!($($command)*);
        $crate::command::options::timeout_option!($($command)*);
    };
}

/// A command of one key that has no options of its own: what it is awaited to, what that is where its backend is not
/// there, and what it does.
macro_rules! key_command {
    ($command:ident -> $out:ty, or $instead:expr, |$cache:ident, $key:ident| $body:block) => {
        $crate::command::options::call_options!($command, options);

        impl<'c> std::future::IntoFuture for $command<'c> {
            type Output = $crate::error::Result<$out>;
            type IntoFuture = $crate::clock::BoxFuture<'c, $crate::error::Result<$out>>;

            fn into_future(self) -> Self::IntoFuture {
                let Self { cache: $cache, key, options } = self;
                let $key = options.key(key);
                let sparing = options.sparing();
                options.run($cache, async move { sparing.of($cache, &$key, $instead, async $body).await })
            }
        }
    };
}

/// `.ttl(…)` and `.tags(…)` of a command that stores.
macro_rules! life_options {
    ($command:ident $(<$generic:ident>)?, $life:ident $(.$more:ident)*) => {
        impl<$($generic)?> $command<'_ $(, $generic)?> {
            /// What is stored expires after this: `"20h"`, seconds, a [`Duration`](std::time::Duration), or
            /// `"forever"` where the route has a default. Without it, the route's default, or none.
            pub fn ttl(mut self, ttl: impl $crate::ttl::IntoTtl) -> Self {
                self.$life$(.$more)*.set_ttl(ttl);
                self
            }

            /// What is stored carries these tags: [`delete_tags`](crate::Cache::delete_tags) of any of them ends it.
            pub fn tags<K: $crate::key::IntoKey>(mut self, tags: impl IntoIterator<Item = K>) -> Self {
                self.$life$(.$more)*.tags = $crate::tag::Tags::of(tags);
                self
            }
        }
    };
}

pub(crate) use {call_options, codec_option, key_command, key_options, life_options, timeout_option};

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: Option<&str>, version: Option<&str>) -> String {
        let mut options = Options::default();
        namespace.into_iter().for_each(|namespace| options.namespace(namespace));
        version.into_iter().for_each(|version| options.version(version));
        options.key(Key::from("k")).to_string()
    }

    #[test]
    fn namespaces_come_before_the_key_and_versions_after_it() {
        assert_eq!(key(None, None), "k");
        assert_eq!(key(Some(""), None), "k");
        assert_eq!(key(Some("a:b"), None), "a:b:k");
        assert_eq!(key(Some("a"), Some("7")), "a:k%v7");
        assert_eq!(key(None, Some("")), "k%v%-");
        assert_eq!(key(None, Some("1%v2")), "k%v1%25v2", "a version cannot end early");
        let mut number = Options::default();
        number.version(&7);
        assert_eq!(number.key(Key::from("k")), "k%v7", "7 and \"7\" are one version");
    }
}
