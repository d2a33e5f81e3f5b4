//! Methods whose value is computed beside the call: what becomes of `self`, in the body and in other attributes.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::{BoxFuture, Error, EventKind, KeyPart, early, fail, hit, invalidate, locked, rate_limit};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::beside::{Seen, beside, seen};
use support::{Fixture, settle};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Large,
}

#[derive(Debug, Clone)]
struct Repo {
    id: u64,
    name: String,
    kind: Kind,
}

fn repo(id: u64) -> Repo {
    Repo { id, name: "r".to_owned(), kind: Kind::Small }
}

/// Of the other kind.
fn large(id: u64) -> Repo {
    Repo { kind: Kind::Large, ..repo(id) }
}

fn outside(name: &str) -> String {
    format!("outside {name}")
}

impl Repo {
    const FIRST: u64 = 100;

    fn made(id: u64) -> Self {
        repo(id)
    }

    const fn next(&self, by: u64) -> u64 {
        self.id + by
    }

    #[early(ttl = "90s", key = "lent:<self.id>:<name>")]
    async fn lent(&self, name: &str) -> Seen {
        seen((self.id, &self.name, self.next(1), name)).await
    }

    #[expect(clippy::needless_arbitrary_self_type, reason = "the long form is looked at")]
    #[early(ttl = "90s", key = "spelled:<self.id>")]
    async fn spelled(self: &Self) -> Seen {
        let Self { id, name, .. } = self;
        seen((id, name)).await
    }

    #[early(ttl = "90s", key = "respelled:<self.id>")]
    async fn respelled<'a>(mut self: &'a Self, other: &'a Self) -> Seen {
        let first = self.id;
        self = other;
        seen((first, self.id)).await
    }

    #[early(ttl = "90s", key = "consumed:<self.id>")]
    async fn consumed(self) -> Seen {
        let Self { id, name, .. } = self;
        seen((id, name)).await
    }

    #[early(ttl = "90s", key = "changed:<self.id>")]
    async fn changed(mut self, by: u64) -> Seen {
        self.id += by;
        self.name.push('!');
        seen((self.id, self.name)).await
    }

    #[early(ttl = "90s", key = "shared:<self.id>")]
    async fn shared(self: Arc<Self>) -> Seen {
        let other = Arc::clone(&self);
        seen((other.id, &self.name)).await
    }

    #[early(ttl = "90s", key = "shared_lent:<self.id>")]
    async fn shared_lent(self: &Arc<Self>) -> Seen {
        let other: Arc<Self> = Arc::clone(self);
        seen(other.id).await
    }

    #[early(ttl = "90s", key = "made_by:<id>", handle = false)]
    async fn made_by(id: u64) -> Seen {
        seen((Self::made(id).next(1), Self::FIRST)).await
    }

    #[early(ttl = "90s", key = "in_macros:<self.id>")]
    async fn in_macros(&self) -> Seen {
        let all = vec![self.id, self.next(1)];
        let text = format!("{} {name} {:?}", self.id, self.kind, name = self.name);
        assert!(self.id > 0, "{}", self.name);
        seen((all, text, matches!(self.kind, Kind::Small), matches!(self, Self { kind: Kind::Large, .. })))
            .await
    }

    #[early(ttl = "90s", key = "in_places:<self.id>")]
    async fn in_places(&self, found: Option<u64>) -> Result<Seen, String> {
        let closure = |by| self.next(by);
        let moved = {
            let of = self.clone();
            move || of.id
        };
        let nested = async { self.next(Self::FIRST) }.await;
        let nested_move = async move { self.id }.await;
        let found = found.ok_or_else(|| self.name.clone())?;
        if found == 0 {
            return Ok(seen(("nothing for", self.id)).await);
        }
        let called = self::outside(&self.name);
        Ok(seen((closure(1), moved(), nested, nested_move, found, called)).await)
    }

    #[early(ttl = "90s", key = "other_selves:<self.id>")]
    async fn other_selves(&self) -> Seen {
        use self::{Kind as Size, outside as out};
        struct Pair<A, B>(A, B);
        trait Double<T, U = T> {
            fn double(&self) -> T;
            fn twice(&self) -> [T; 2] {
                [self.double(), self.double()]
            }
        }
        impl<A: Copy, B> Pair<A, B> {
            fn left(&self) -> A {
                self.0
            }
        }
        impl<A, B> Double<u64, u8> for Pair<A, B>
        where
            A: Copy + Into<u64>,
            B: fmt::Debug,
        {
            fn double(&self) -> u64 {
                self.left().into() * 2
            }
        }
        fn counted(list: &[u64]) -> impl Iterator<Item = u64> + use<'_> {
            list.iter().copied()
        }
        let pair = Pair(self.id, self.name.as_str());
        let sum: u64 = counted(&[self.id, 1]).sum();
        seen((pair.twice(), pair.left(), pair.1, out(&self.name), self.kind == Size::Small, sum)).await
    }

    #[early(ttl = "90s", key = "opaque:<self.id>")]
    fn opaque(&self, by: u64) -> impl Future<Output = Seen> + Send {
        async move { seen(self.next(by)).await }
    }

    #[early(ttl = "90s", key = "boxed:<self.id>")]
    fn boxed(&self) -> BoxFuture<'_, Seen> {
        Box::pin(async move { seen(self.id).await })
    }

    #[early(ttl = "90s", skip(self))]
    async fn by_default_key(&self, page: u32) -> Seen {
        seen((&self.name, page)).await
    }
}

#[tokio::test]
async fn a_lent_self_is_copied_and_a_given_one_taken_along() {
    assert_eq!(beside(async || repo(1).lent("x").await).await, r#"(1, "r", 2, "x")"#);
    assert_eq!(beside(async || repo(2).spelled().await).await, r#"(2, "r")"#);
    assert_eq!(beside(async || repo(1).respelled(&repo(2)).await).await, "(1, 2)");
    assert_eq!(beside(async || repo(3).consumed().await).await, r#"(3, "r")"#);
    assert_eq!(beside(async || repo(4).changed(5).await).await, r#"(9, "r!")"#);
    assert_eq!(beside(async || Arc::new(repo(5)).shared().await).await, r#"(5, "r")"#);
    assert_eq!(beside(async || Arc::new(repo(6)).shared_lent().await).await, "6");
    assert_eq!(beside(async || Repo::made_by(7).await).await, "(8, 100)");
    assert_eq!(beside(async || repo(8).by_default_key(1).await).await, r#"("r", 1)"#);
}

#[tokio::test]
async fn self_is_followed_through_the_body() {
    assert_eq!(beside(async || repo(1).in_macros().await).await, r#"([1, 2], "1 r Small", true, false)"#);
    assert_eq!(beside(async || large(1).in_macros().await).await, r#"([1, 2], "1 r Large", false, true)"#);
    let places = async |found| beside(async || repo(2).in_places(found).await.unwrap()).await;
    assert_eq!(places(Some(7)).await, r#"(3, 2, 102, 2, 7, "outside r")"#);
    assert_eq!(places(Some(0)).await, r#"("nothing for", 2)"#);
    assert_eq!(repo(9).in_places(None).await.unwrap_err(), "r");
    let others = beside(async || repo(3).other_selves().await).await;
    assert_eq!(others, r#"([6, 6], 3, "r", "outside r", true, 4)"#);
    assert_eq!(beside(async || repo(4).opaque(1).await).await, "5");
    assert_eq!(beside(async || repo(5).boxed().await).await, "5");
}

#[derive(Debug, Clone)]
struct Holder<T, const N: usize> {
    values: [T; N],
}

impl<T, const N: usize> Holder<T, N>
where
    T: fmt::Debug + KeyPart + Clone + Send + Sync + 'static,
{
    #[early(ttl = "90s", key = "held:<self.values>:<other>")]
    async fn held(&self, other: &T) -> Seen {
        seen((&self.values, other, N)).await
    }
}

/// Has a value.
trait Native {
    fn native(&self, by: u64) -> impl Future<Output = Seen> + Send;
}

impl Native for Repo {
    #[early(ttl = "90s", key = "native:<self.id>")]
    async fn native(&self, by: u64) -> Seen {
        seen((self.next(by), Self::FIRST)).await
    }
}

#[async_trait]
trait Dynamic: Send + Sync {
    async fn dynamic(&self, text: &str, maybe: Option<&str>) -> Seen;
    async fn result(&self, (a, b): (u8, String)) -> Result<Seen, String>;
}

#[async_trait]
impl Dynamic for Repo {
    #[early(ttl = "90s", key = "dynamic:<self.id>")]
    async fn dynamic(&self, text: &str, maybe: Option<&str>) -> Seen {
        seen((format!("{}", self.id), &self.name, text, maybe, Self::FIRST)).await
    }

    #[early(ttl = "90s", key = "result:<self.id>:<a>")]
    async fn result(&self, (a, b): (u8, String)) -> Result<Seen, String> {
        if a == 0 {
            return Err(self.name.clone());
        }
        Ok(seen((a, b, self.id)).await)
    }
}

#[tokio::test]
async fn methods_of_generic_types_and_of_traits_are_detached() {
    let holder = Holder { values: [1, 2] };
    assert_eq!(beside(async || holder.held(&3).await).await, "([1, 2], 3, 2)");
    assert_eq!(beside(async || repo(1).native(1).await).await, "(2, 100)");
    let dynamic: Arc<dyn Dynamic> = Arc::new(repo(2));
    let seen = beside(async || dynamic.dynamic("a", Some("b")).await).await;
    assert_eq!(seen, r#"("2", "r", "a", Some("b"), 100)"#);
    let call = async || dynamic.result((1, "b".to_owned())).await.unwrap();
    assert_eq!(beside(call).await, r#"(1, "b", 2)"#);
    assert_eq!(dynamic.result((0, String::new())).await.unwrap_err(), "r");
}

/// A source that is shared, as most are.
#[derive(Clone)]
struct Source(Arc<AtomicUsize>);

impl Source {
    fn runs(&self) -> usize {
        self.0.load(SeqCst)
    }

    #[early(ttl = "90s", key = "guarded:<id>")]
    #[locked(key = "guarded:<id>:<id:len>", wait = false, fence = token)]
    #[rate_limit(limit = limit, period = "1h", key = "<id>:<self.0.as_ptr().is_null()>")]
    #[fail(ttl = "1h", key = "guarded:<id>")]
    #[invalidate("other:<id>", "other:<limit>", when = self.runs() < 1000)]
    async fn guarded(&self, id: &str, limit: u32) -> Result<Seen, Error> {
        self.0.fetch_add(1, SeqCst);
        seen((id, limit, token.get() > 0)).await.pipe(Ok)
    }

    #[invalidate("outer:<self.runs()>")]
    #[rate_limit(limit = 3, period = "1h", key = "outer")]
    #[early(ttl = "90s", key = "inside")]
    async fn inside(&self) -> Result<Seen, Error> {
        seen(self.runs()).await.pipe(Ok)
    }

    #[hit(ttl = "1h", cache_hits = 3, update_after = 2, key = "used:<id>", tags = ["of:<id>", "by:<self.runs()>"])]
    #[invalidate("other:<id>")]
    async fn used(&self, id: &str) -> usize {
        self.0.fetch_add(1, SeqCst) + id.len()
    }
}

trait Pipe: Sized {
    fn pipe<T>(self, with: impl FnOnce(Self) -> T) -> T {
        with(self)
    }
}

impl<T> Pipe for T {}

#[tokio::test]
async fn layers_inside_are_taken_along_and_see_the_same_self() {
    let source = Source(Arc::default());
    let told = beside(async || source.guarded("abc", 10).await.unwrap()).await;
    assert_eq!((told.as_str(), source.runs()), (r#"("abc", 10, true)"#, 8));

    // What they do, they do for a refresh as well.
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            source.guarded("x", 2).await.unwrap();
            fixture.cache.set("other:x", &1).await.unwrap();
            fixture.cache.set("other:2", &1).await.unwrap();
            fixture.clock.advance(Duration::from_secs(30));
            source.guarded("x", 2).await.unwrap();
            settle().await;
            assert_eq!(source.runs(), 10);
            assert!(!fixture.cache.exists("other:x").await.unwrap(), "the refresh invalidated nothing");
            assert!(!fixture.cache.exists("other:2").await.unwrap(), "the refresh invalidated nothing");
            // The third run is refused, and what `fail` has in its place is no new value.
            fixture.clock.advance(Duration::from_secs(30));
            source.guarded("x", 2).await.unwrap();
            settle().await;
            assert_eq!(source.runs(), 10);
            assert_eq!(fixture.events.count(EventKind::Rejected), 1);
            assert_eq!(fixture.events.count(EventKind::Refreshed), 1);
        })
        .await;
}

#[tokio::test]
async fn layers_outside_are_those_of_the_call_and_not_of_the_refresh() {
    let source = Source(Arc::default());
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            source.inside().await.unwrap();
            fixture.clock.advance(Duration::from_secs(30));
            source.inside().await.unwrap();
            fixture.cache.set("outer:0", &1).await.unwrap();
            settle().await;
            assert_eq!(fixture.events.count(EventKind::Refreshed), 1);
            assert!(fixture.cache.exists("outer:0").await.unwrap(), "the refresh is no call");
            assert!(source.inside().await.unwrap().1);
            assert!(!fixture.cache.exists("outer:0").await.unwrap());
            assert!(source.inside().await.is_err(), "the refresh was counted, or calls were not");
        })
        .await;
}

#[tokio::test]
async fn hits_take_along_what_early_does() {
    let source = Source(Arc::default());
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut answers = Vec::new();
            for _ in 0..6 {
                answers.push(source.used("ab").await);
                settle().await;
            }
            assert_eq!(answers, [2, 2, 2, 3, 3, 4]);
            // The last value was made by the third run, when two had been.
            fixture.cache.delete_tags(["by:2"]).await.unwrap();
            assert_eq!(source.used("ab").await, 5, "its tags are those of the refresh");
        })
        .await;
}
