//! Every shape of function that can be annotated: compiles, gives a `Send` future, hits, and keeps its keys
//! apart from those of others.

mod support;

use async_trait::async_trait;
use macadamia::{BoxFuture, EventKind, KeyPart, cached, invalidate};
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::Fixture;

static RUNS: AtomicUsize = AtomicUsize::new(0);

/// A number that no other run gives.
fn run() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

fn sent<F: Future + Send>(future: F) -> F {
    future
}

/// Calls twice each: the second is a hit. Then all in tasks. All answers differ from each other.
macro_rules! each_hits {
    ($($call:expr),+ $(,)?) => {{
        let fixture = Fixture::memory().await;
        let answers = fixture.run(async {
            let mut answers = Vec::new();
            $(
                let first = sent($call).await;
                assert_eq!(sent($call).await, first, "{} is no hit", stringify!($call));
                answers.push((first, stringify!($call)));
            )+
            answers
        }).await;
        for (index, (answer, call)) in answers.iter().enumerate() {
            for (other, theirs) in &answers[..index] {
                assert_ne!(answer, other, "{call} and {theirs} share a key");
            }
        }
        assert_eq!(fixture.events.count(EventKind::Hit), answers.len());
        assert_eq!(fixture.events.count(EventKind::Computed), answers.len());
    }};
}

#[derive(Clone)]
struct Repo {
    id: u32,
}

impl Repo {
    fn into_run(self) -> usize {
        run() + self.id as usize - self.id as usize
    }

    #[cached(ttl = "1h", key = "by-ref:<self.id>:<n>")]
    async fn by_ref(&self, n: u32) -> usize {
        let _ = n;
        run()
    }

    #[cached(ttl = "1h", skip(self))]
    async fn by_mut(&mut self, n: u32) -> usize {
        self.id += n;
        run()
    }

    #[cached(ttl = "1h", key = "by-arc:<self.id>")]
    async fn by_arc(self: Arc<Self>) -> usize {
        run()
    }

    #[cached(ttl = "1h", key = "by-value:<self.id>")]
    async fn by_value(self) -> usize {
        self.into_run()
    }

    #[cached(ttl = "1h", key = "mut-value:<self.id>")]
    async fn by_mut_value(mut self) -> usize {
        self.id += 1;
        self.into_run()
    }

    #[cached(ttl = "1h", key = "by-pin:<self.id>")]
    async fn by_pin(self: Pin<&Self>) -> usize {
        run()
    }

    #[cached(ttl = "1h", key = "by-pin-mut:<self.id>")]
    async fn by_pin_mut(mut self: Pin<&mut Self>) -> usize {
        self.id += 1;
        run()
    }

    #[cached(ttl = "1h", key = "by-box:<self.id>")]
    async fn by_box(self: Box<Self>) -> usize {
        self.into_run()
    }

    #[cached(ttl = "1h", key = "by-ref-arc:<self.id>")]
    async fn by_ref_arc(self: &Arc<Self>) -> usize {
        Arc::clone(self).by_arc().await;
        run()
    }

    #[cached(ttl = "1h", handle = false)]
    async fn associated(n: u32) -> usize {
        let _ = n;
        run()
    }

    #[cached(ttl = "1h", key = "made:<n>", handle = false)]
    async fn made(n: u32) -> Self {
        Self { id: n }
    }
}

#[tokio::test]
async fn methods_take_self_in_every_way() {
    let repo = Repo { id: 1 };
    let (mut changing, shared) = (repo.clone(), Arc::new(repo.clone()));
    let (mut pinned, boxed) = (repo.clone(), Box::new(repo.clone()));
    each_hits!(
        repo.by_ref(1),
        repo.by_ref(2),
        Repo { id: 2 }.by_ref(1),
        changing.by_mut(1),
        Arc::clone(&shared).by_arc(),
        repo.clone().by_value(),
        repo.clone().by_mut_value(),
        Pin::new(&repo).by_pin(),
        Repo::associated(1),
    );
    assert_eq!(changing.id, 2, "the body ran once");
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let first = boxed.clone().by_box().await;
            assert_eq!(sent(boxed.by_box()).await, first);
            let first = sent(Pin::new(&mut pinned).by_pin_mut()).await;
            assert_eq!(pinned.id, 2);
            pinned.id = 1;
            assert_eq!(Pin::new(&mut pinned).by_pin_mut().await, first);
            assert_eq!(sent(shared.by_ref_arc()).await, shared.by_ref_arc().await);
        })
        .await;
    assert_eq!(Repo::made(3).await.id, 3);
}

struct Store<T>(PhantomData<T>);
struct Other;

impl<T: Send + Sync> Store<T> {
    const NEW: Self = Self(PhantomData);

    #[cached(ttl = "1h", skip(self))]
    async fn get(&self) -> usize {
        run()
    }

    #[cached(ttl = "1h", skip(self))]
    async fn get_as<U>(&self) -> usize
    where
        U: Default + Send,
    {
        let _ = U::default();
        run()
    }

    #[cached(ttl = "1h", handle = false)]
    async fn sized<const N: usize>() -> usize {
        run()
    }
}

impl Other {
    #[cached(ttl = "1h", skip(self))]
    async fn get(&self) -> usize {
        run()
    }
}

struct Ring<const N: usize, const WIDE: bool = false>;

impl<const N: usize, const WIDE: bool> Ring<N, WIDE> {
    #[cached(ttl = "1h", skip(self))]
    async fn get(&self) -> usize {
        run() + N - N
    }
}

#[cached(ttl = "1h")]
async fn filled<const N: usize>(bytes: [u8; N]) -> usize {
    let _ = bytes;
    run()
}

#[tokio::test]
async fn keys_of_generic_impls_differ_by_every_argument() {
    each_hits!(
        Other.get(),
        Store::<u8>::NEW.get(),
        Store::<u16>::NEW.get(),
        Store::<u8>::NEW.get_as::<u8>(),
        Store::<u8>::NEW.get_as::<u16>(),
        Store::<u16>::NEW.get_as::<u8>(),
        Store::<u8>::sized::<1>(),
        Store::<u8>::sized::<2>(),
        Ring::<1>.get(),
        Ring::<2>.get(),
        Ring::<2, true>.get(),
        filled([]),
        filled([0]),
        filled([0, 0]),
    );
}

trait Load {
    fn load(&self, n: u32) -> impl Future<Output = usize> + Send;

    #[cached(ttl = "1h", skip(self))]
    fn by_default(&self, n: u32) -> impl Future<Output = usize> + Send
    where
        Self: Sync,
    {
        async move {
            let _ = n;
            run()
        }
    }
}

trait LoadToo {
    async fn load(&self, n: u32) -> usize;

    #[cached(ttl = "1h", skip(self))]
    async fn with_body<T: KeyPart>(&self, of: T) -> usize {
        let _ = of;
        run()
    }
}

impl Load for Other {
    #[cached(ttl = "1h", skip(self))]
    async fn load(&self, n: u32) -> usize {
        let _ = n;
        run()
    }
}

impl LoadToo for Other {
    #[cached(ttl = "1h", skip(self))]
    async fn load(&self, n: u32) -> usize {
        let _ = n;
        run()
    }
}

impl<T: Send + Sync> Load for Store<T> {
    #[cached(ttl = "1h", skip(self))]
    fn load(&self, n: u32) -> impl Future<Output = usize> + Send {
        std::future::ready((run(), n).0)
    }
}

#[tokio::test]
async fn trait_methods_have_keys_by_type_and_trait() {
    let small = Store::<u8>::NEW;
    each_hits!(
        Load::load(&Other, 1),
        LoadToo::load(&Other, 1),
        small.load(1),
        Store::<u16>::NEW.load(1),
        Other.by_default(1),
        small.by_default(1),
        Store::<u16>::NEW.by_default(1),
    );
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let first = Other.with_body(1u8).await;
            assert_eq!(Other.with_body(1u8).await, first);
            assert_ne!(Other.with_body(1u16).await, first);
        })
        .await;
}

#[async_trait]
trait Boxed: Sync {
    async fn fetch(&self, n: u32, pair: (u32, u32)) -> usize;

    #[cached(ttl = "1h", skip(self))]
    async fn inherited(&self, n: u32) -> usize {
        let _ = n;
        run()
    }

    #[cached(ttl = "1h", handle = false)]
    async fn associated<T: Send + 'static>(value: &str) -> Result<usize, std::num::ParseIntError>
    where
        Self: Sized,
    {
        if value.is_empty() {
            return Ok(run());
        }
        value.parse::<u8>()?;
        Ok(run())
    }
}

#[async_trait]
impl Boxed for Other {
    #[cached(ttl = "1h", key = "boxed:<n>:<a>:<b>")]
    async fn fetch(&self, n: u32, (a, mut b): (u32, u32)) -> usize {
        b += a + n;
        let _ = b;
        run()
    }
}

#[async_trait]
impl<T: Send + Sync> Boxed for Store<T> {
    #[cached(ttl = "1h", skip(self))]
    async fn fetch(&self, mut n: u32, _: (u32, u32)) -> usize {
        n += 1;
        let _n = n;
        run()
    }

    #[invalidate("nothing:*")]
    #[cached(ttl = "1h", skip(self))]
    async fn inherited(&self, n: u32) -> usize {
        run() + n as usize - n as usize
    }
}

#[tokio::test]
async fn async_trait_methods_are_cached_through_their_boxes() {
    let (small, large): (Box<dyn BoxedGet>, _) = (Box::new(Store::<u8>::NEW), Store::<u16>::NEW);
    each_hits!(
        Other.fetch(1, (2, 3)),
        Other.fetch(1, (2, 4)),
        small.get_boxed(1),
        large.fetch(1, (0, 0)),
        large.fetch(2, (0, 0)),
        Boxed::inherited(&Other, 1),
        Boxed::inherited(&large, 1),
    );
    each_hits!(
        Other::associated::<u8>(""),
        Other::associated::<u16>("7"),
        <Store<u8> as Boxed>::associated::<u8>("7"),
    );
    assert!(Other::associated::<u8>("x").await.is_err());
}

#[async_trait(?Send)]
trait Local {
    async fn local(&self, shared: std::rc::Rc<u32>) -> usize;

    #[cached(ttl = "1h", key = "local-default:<n>")]
    async fn local_default(&self, n: u32) -> usize {
        let shared = std::rc::Rc::new(n);
        tokio::task::yield_now().await;
        run() + *shared as usize - n as usize
    }
}

#[async_trait(?Send)]
impl Local for Other {
    #[invalidate("nothing:*")]
    #[cached(ttl = "1h", key = "local:<shared>")]
    async fn local(&self, shared: std::rc::Rc<u32>) -> usize {
        tokio::task::yield_now().await;
        run() + *shared as usize - *shared as usize
    }
}

#[tokio::test]
async fn async_trait_methods_need_not_be_send() {
    let fixture = Fixture::memory().await;
    let calls = || async { [Other.local(std::rc::Rc::new(1)).await, Other.local_default(1).await] };
    let (first, second) = fixture.run(async { (calls().await, calls().await) }).await;
    assert_eq!(first, second);
    assert_eq!(fixture.events.count(EventKind::Hit), 2);
}

/// What `dyn` needs: `associated` is not for it.
trait BoxedGet: Sync {
    fn get_boxed(&self, n: u32) -> BoxFuture<'_, usize>;
}

impl<T: Send + Sync> BoxedGet for Store<T> {
    fn get_boxed(&self, n: u32) -> BoxFuture<'_, usize> {
        self.fetch(n, (0, 0))
    }
}

#[cached(ttl = "1h", key = "opaque:<n>")]
fn opaque(n: u32) -> impl Future<Output = usize> + Send {
    async move { run() + n as usize - n as usize }
}

#[cached(ttl = "1h", key = "prepared:<name>")]
fn prepared(name: &str) -> impl Future<Output = usize> + Send {
    let name = name.to_owned();
    async move {
        drop(name);
        run()
    }
}

#[cached(ttl = "1h", key = "captures-nothing:<name>")]
fn captures_nothing(name: String) -> impl Future<Output = usize> + Send + use<> {
    let length = name.len();
    async move { run() + length - name.len() }
}

#[cached(ttl = "1h", key = "captures:<first>:<value:len>")]
fn captures<'a, T: Sync + 'a>(
    first: &'a str,
    value: &'a [T],
) -> impl Future<Output = usize> + Send + use<'a, T> {
    async move { run() + first.len() + value.len() - first.len() - value.len() }
}

#[cached(ttl = "1h", key = "handed-on")]
fn handed_on(list: &mut Vec<u32>) -> impl Future<Output = usize> + Send {
    push(list)
}

async fn push(list: &mut Vec<u32>) -> usize {
    list.push(1);
    tokio::task::yield_now().await;
    list.pop().map_or(0, |_| run())
}

#[cached(ttl = "1h", key = "pinned:<name>")]
fn pinned(name: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
    Box::pin(async move {
        let _ = name;
        run()
    })
}

#[cached(ttl = "1h", key = "early-return:<name>")]
fn early_return<'a>(name: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    if name.is_empty() {
        return Box::pin(std::future::ready(run()));
    }
    let other: Pin<Box<dyn Future<Output = usize> + Send + 'a>> = Box::pin(async move { run() });
    other
}

#[cached(ttl = "1h", key = "aliased:<name>")]
fn aliased(name: &str) -> BoxFuture<'_, usize> {
    let _ = name;
    std::boxed::Box::pin(async { run() })
}

mod futures {
    //! The aliases of the crate `futures`, which have `Send` in one of them.

    use std::future::Future;
    use std::pin::Pin;

    pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
    pub(super) type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
}

#[cached(ttl = "1h", key = "by-alias:<name>")]
fn by_alias(name: &str) -> futures::BoxFuture<'_, usize> {
    Box::pin(async move { run() + name.len() - name.len() })
}

#[cached(ttl = "1h", key = "by-local-alias:<name>")]
fn by_local_alias(name: &str) -> futures::LocalBoxFuture<'_, usize> {
    let shared = std::rc::Rc::new(name);
    Box::pin(async move { run() + shared.len() - name.len() })
}

#[cached(ttl = "1h", key = "tracked")]
#[track_caller]
fn tracked() -> impl Future<Output = usize> + Send {
    async { run() }
}

#[tokio::test]
async fn functions_that_give_futures_are_async_too() {
    let mut list = Vec::new();
    each_hits!(
        captures_nothing("a".to_owned()),
        captures("a", &[0]),
        captures("a", &[0, 0]),
        by_alias("a"),
        tracked(),
        opaque(1),
        prepared("a"),
        handed_on(&mut list),
        pinned("a"),
        early_return(""),
        early_return("a"),
        aliased("a"),
    );
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(by_local_alias("a").await, by_local_alias("a").await);
            assert_eq!(prepared::key("a"), "prepared:a");
            let fresh = prepared::refresh("a").await;
            assert_eq!(prepared("a").await, fresh);
            assert_eq!(pinned::refresh("a").await, pinned("a").await);
        })
        .await;
}

#[cached(ttl = "1h", key = "lifetimes:<first>:<second>")]
async fn lifetimes<'a, 'b>(first: &'a str, second: &'b str) -> usize
where
    'b: 'a,
{
    let _longer: &'a str = if first.is_empty() { second } else { first };
    run()
}

#[cached(ttl = "1h")]
async fn some(name: Option<&str>) -> usize {
    let _ = name;
    run()
}

#[cached(ttl = "1h")]
async fn patterns((a, mut b): (u32, u32), [c, ..]: [u32; 3], Repo { id, .. }: Repo) -> usize {
    b += a + c + id;
    run() + b as usize - b as usize
}

#[cached(ttl = "1h")]
async fn any(value: impl KeyPart + Display + Send + Sync, others: &[impl KeyPart + Sync]) -> usize {
    drop(value.to_string());
    let _ = others;
    run()
}

#[cached(ttl = "1h")]
async fn bounded<T>(value: T) -> usize
where
    T: KeyPart + Copy + Send + Sync,
    for<'a> &'a T: KeyPart,
{
    let _ = value;
    run()
}

#[tokio::test]
async fn parameters_may_be_anything() {
    each_hits!(
        lifetimes("a", "b"),
        lifetimes("b", "a"),
        some(None),
        some(Some("")),
        some(Some("a")),
        patterns((1, 2), [3, 4, 5], Repo { id: 6 }),
        patterns((1, 2), [3, 4, 5], Repo { id: 7 }),
        patterns((1, 3), [3, 4, 5], Repo { id: 7 }),
        any(1u8, &["a"]),
        any(1u16, &["a"]),
        any(1u16, &[1]),
        bounded(1u8),
        bounded(1u16),
    );
}

mod nested {
    use super::{cached, run};

    pub(super) async fn first() -> usize {
        #[cached(ttl = "1h")]
        async fn inner() -> usize {
            run()
        }
        inner().await
    }

    pub(super) async fn second() -> usize {
        #[cached(ttl = "1h")]
        async fn inner() -> usize {
            run()
        }
        inner().await
    }
}

macro_rules! getter {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($param:ident: $type:ty) -> $output:ty, $ttl:literal, $key:literal) => {
        $(#[$attr])*
        #[cached(ttl = $ttl, key = $key)]
        $vis async fn $name($param: $type) -> $output {
            let _ = $param;
            run()
        }
    };
}

getter!(fn made_by_macro(id: u32) -> usize, "1h", "by-macro:<id>");
getter!(
    /// With an attribute handed on.
    #[inline]
    pub(crate) fn made_again(name: &str) -> usize, "1h", "by-macro-too:<name>"
);

#[tokio::test]
async fn functions_may_be_nested_or_made_by_macros() {
    #[cached(ttl = "1h")]
    async fn inner() -> usize {
        run()
    }
    each_hits!(inner(), nested::first(), nested::second(), made_by_macro(1), made_again("a"));
}

#[cached(ttl = "1h", key = "fib:<n>")]
async fn fib(n: u64) -> u64 {
    if n < 2 { n } else { Box::pin(fib(n - 1)).await + Box::pin(fib(n - 2)).await }
}

#[cached(ttl = "1h", key = "boxed-fib:<n>")]
fn boxed_fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { if n < 2 { n } else { boxed_fib(n - 1).await + boxed_fib(n - 2).await } })
}

#[tokio::test]
async fn recursion_computes_each_key_once() {
    for boxed in [false, true] {
        let fixture = Fixture::memory().await;
        let answer =
            fixture.run(async { if boxed { boxed_fib(60).await } else { sent(fib(60)).await } }).await;
        assert_eq!(answer, 1_548_008_755_920);
        assert_eq!(fixture.events.count(EventKind::Computed), 61);
    }
}

#[cached(ttl = "1h", key = "not-send")]
async fn not_send(shared: std::rc::Rc<usize>) -> usize {
    tokio::task::yield_now().await;
    *shared + run()
}

#[tokio::test]
async fn a_body_that_cannot_be_sent_is_cached_all_the_same() {
    let fixture = Fixture::memory().await;
    let calls = async { (not_send(std::rc::Rc::new(0)).await, not_send(std::rc::Rc::new(0)).await) };
    let (first, second) = fixture.run(calls).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn calls_can_be_spawned() {
    let repo = Arc::new(Repo { id: 9 });
    let fixture = Fixture::memory().await;
    let mut tasks = tokio::task::JoinSet::new();
    let scope = || macadamia::Scope::new().cache(&fixture.cache);
    tasks.spawn(scope().run(Arc::clone(&repo).by_arc()));
    tasks.spawn(scope().run(async move { repo.by_ref(1).await }));
    tasks.spawn(scope().run(async { Other.fetch(1, (2, 3)).await }));
    tasks.spawn(scope().run(opaque(1)));
    tasks.spawn(scope().run(pinned("spawned")));
    tasks.spawn(scope().run(async { usize::try_from(fib(3).await).unwrap_or_default() }));
    assert_eq!(tasks.join_all().await.len(), 6);
}
