//! What a call takes along when its value is computed beside it: arguments of every kind, and `self`.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::items_after_statements, reason = "each function stands beside what is said of it")]

mod support;

use macadamia::{BoxFuture, KeyPart, early};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use support::beside::{Seen, beside, seen};
use support::{Fixture, settle};

#[derive(Debug, Clone, KeyPart)]
struct User {
    uid: u64,
    name: String,
}

fn ann() -> User {
    User { uid: 7, name: "Ann".to_owned() }
}

#[tokio::test]
async fn what_is_borrowed_is_copied() {
    #[early(ttl = "90s")]
    async fn text(text: &str) -> Seen {
        seen(text).await
    }
    assert_eq!(beside(async || text(&String::from("a")).await).await, "\"a\"");

    #[early(ttl = "90s")]
    async fn list(list: &[User], bytes: &[u8; 2]) -> Seen {
        let names: Vec<&str> = list.iter().map(|user| user.name.as_str()).collect();
        seen((names, bytes)).await
    }
    assert_eq!(beside(async || list(&[ann(), ann()], &[1, 2]).await).await, r#"(["Ann", "Ann"], [1, 2])"#);

    #[early(ttl = "90s", key = "object:<user.uid>")]
    async fn object(user: &User) -> Seen {
        seen((user.uid, &user.name)).await
    }
    assert_eq!(beside(async || object(&ann()).await).await, r#"(7, "Ann")"#);

    #[early(ttl = "90s", key = "shared:<user.uid>")]
    async fn shared(user: &Arc<User>, path: &std::path::Path) -> Seen {
        let other: Arc<User> = Arc::clone(user);
        seen((other.uid, path)).await
    }
    let path = std::path::PathBuf::from("/x");
    assert_eq!(beside(async || shared(&Arc::new(ann()), &path).await).await, r#"(7, "/x")"#);

    #[early(ttl = "90s", skip(dynamic))]
    async fn dynamic(dynamic: &Arc<dyn Fn(u8) -> u8 + Send + Sync>) -> Seen {
        seen(dynamic(20)).await
    }
    let double: Arc<dyn Fn(u8) -> u8 + Send + Sync> = Arc::new(|number| number * 2);
    assert_eq!(beside(async || dynamic(&double).await).await, "40");
}

#[tokio::test]
async fn what_is_borrowed_inside_an_option_is_copied() {
    #[early(ttl = "90s")]
    async fn maybe(name: Option<&str>, user: std::option::Option<&User>) -> Seen {
        let uid: Option<u64> = user.map(|user| user.uid);
        seen((name, uid)).await
    }
    assert_eq!(beside(async || maybe(Some("a"), Some(&ann())).await).await, r#"(Some("a"), Some(7))"#);
    assert_eq!(beside(async || maybe(None, None).await).await, "(None, None)");
}

#[tokio::test]
async fn what_was_given_is_taken_along() {
    #[early(ttl = "90s")]
    async fn owned(text: String, list: Vec<u8>, pair: (u8, String), array: [u8; 2]) -> Seen {
        seen((text, list, pair, array)).await
    }
    let call = async || owned("a".to_owned(), vec![1], (2, "b".to_owned()), [3, 4]).await;
    assert_eq!(beside(call).await, r#"("a", [1], (2, "b"), [3, 4])"#);

    #[early(ttl = "90s")]
    async fn lasting(text: &'static str, cow: Cow<'static, str>, maybe: Option<&'static str>) -> Seen {
        seen((text, cow, maybe)).await
    }
    let call = async || lasting("a", Cow::Owned("b".to_owned()), Some("c")).await;
    assert_eq!(beside(call).await, r#"("a", "b", Some("c"))"#);

    #[early(ttl = "90s", skip(call))]
    async fn pointer(call: for<'a> fn(&'a str) -> &'a str, boxed: Box<u8>) -> Seen {
        seen((call("x"), boxed)).await
    }
    assert_eq!(beside(async || pointer(str::trim, Box::new(1)).await).await, r#"("x", 1)"#);
}

#[tokio::test]
async fn the_body_may_change_and_give_away_what_it_has() {
    #[early(ttl = "90s")]
    async fn changed(mut list: Vec<u8>, mut count: u32, mut text: &str, name: String) -> Seen {
        list.push(9);
        count += 1;
        text = text.trim();
        let given = async move { name }.await;
        seen((list, count, text, given)).await
    }
    let call = async || changed(vec![1], 2, " x ", "y".to_owned()).await;
    assert_eq!(beside(call).await, r#"([1, 9], 3, "x", "y")"#);
}

#[tokio::test]
async fn patterns_are_taken_along_by_what_they_bind() {
    struct Pair {
        left: u8,
        right: String,
    }
    #[early(ttl = "90s")]
    async fn parts(
        (a, mut b): (u8, String),
        Pair { left, right: renamed }: Pair,
        [first, .., last]: [u8; 4],
        whole @ (x, _): (u8, u8),
        _: &str,
        _: u8,
    ) -> Seen {
        b.push('!');
        seen((a, b, left, renamed, first, last, whole, x)).await
    }
    let pair = || Pair { left: 1, right: "r".to_owned() };
    let call = async || parts((5, "b".to_owned()), pair(), [1, 2, 3, 4], (8, 9), "unread", 0).await;
    assert_eq!(beside(call).await, r#"(5, "b!", 1, "r", 1, 4, (8, 9), 8)"#);
}

#[tokio::test]
async fn names_are_what_they_were() {
    #[early(ttl = "90s")]
    async fn names(r#type: &str, names: u8, _unused: &str, _given: String) -> Seen {
        seen((r#type, names)).await
    }
    assert_eq!(beside(async || names("t", 1, "u", "v".to_owned()).await).await, r#"("t", 1)"#);

    #[early(ttl = "90s", handle = false)]
    async fn sometimes(
        #[cfg(any())] id: u8,
        #[cfg(not(any()))] id: &str,
        #[cfg(any())] gone: Rc<u8>,
    ) -> Seen {
        seen(id).await
    }
    assert_eq!(beside(async || sometimes("x").await).await, "\"x\"");

    // Our own words, as names of the user.
    #[early(ttl = "90s")]
    async fn ours(__lead: &str, __compute: u8, __argument0: u8, __key: &str, __self: u8) -> Seen {
        seen((__lead, __compute, __argument0, __key, __self)).await
    }
    assert_eq!(beside(async || ours("l", 1, 2, "k", 3).await).await, r#"("l", 1, 2, "k", 3)"#);
}

#[tokio::test]
async fn generics_are_taken_along_if_they_can_be() {
    #[early(ttl = "90s", key = "by_value:<value>")]
    async fn by_value<T: fmt::Debug + KeyPart + Send + Sync + 'static>(value: T) -> Seen {
        seen(value).await
    }
    assert_eq!(beside(async || by_value(vec![1]).await).await, "[1]");

    #[early(ttl = "90s", key = "by_reference:<value>")]
    async fn by_reference<T>(value: &T, all: &[T]) -> Seen
    where
        T: fmt::Debug + KeyPart + Clone + Send + Sync + 'static,
    {
        seen((value, all)).await
    }
    assert_eq!(beside(async || by_reference(&"a", &["b"]).await).await, r#"("a", ["b"])"#);

    #[early(ttl = "90s", key = "unnamed:<shown>")]
    async fn unnamed(
        shown: impl fmt::Display + Send + Sync + 'static,
        lent: &(impl fmt::Debug + Clone + Send + Sync + 'static),
    ) -> Seen {
        seen((shown.to_string(), lent)).await
    }
    assert_eq!(beside(async || unnamed(1, &[2]).await).await, r#"("1", [2])"#);

    #[early(ttl = "90s")]
    async fn sized<const SIZE: usize>(bytes: &[u8; SIZE], more: [u8; SIZE]) -> Seen {
        seen((bytes, more, SIZE)).await
    }
    assert_eq!(beside(async || sized(&[1, 2], [3, 4]).await).await, "([1, 2], [3, 4], 2)");

    #[early(ttl = "90s")]
    async fn lived<'a, 'b: 'a>(one: &'a str, other: &'b str, both: Option<&'b [u8]>) -> Seen {
        seen((one, other, both)).await
    }
    assert_eq!(beside(async || lived("a", "b", Some(&[1])).await).await, r#"("a", "b", Some([1]))"#);
}

#[tokio::test]
async fn futures_without_async_are_detached_too() {
    #[early(ttl = "90s")]
    fn opaque(text: &str, number: u8) -> impl Future<Output = Seen> + Send {
        async move { seen((text, number)).await }
    }
    assert_eq!(beside(async || opaque("a", 1).await).await, r#"("a", 1)"#);

    #[early(ttl = "90s")]
    fn boxed(text: &str) -> BoxFuture<'_, Seen> {
        let text = text.trim();
        if text.is_empty() {
            return Box::pin(seen("nothing"));
        }
        Box::pin(async move { seen(text).await })
    }
    assert_eq!(beside(async || boxed(" a ").await).await, "\"a\"");
    assert_eq!(beside(async || boxed(" ").await).await, "\"nothing\"");
}

#[tokio::test]
async fn an_early_way_out_of_the_body_is_one() {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    struct NoNumber(String);
    impl From<std::num::ParseIntError> for NoNumber {
        fn from(error: std::num::ParseIntError) -> Self {
            Self(error.to_string())
        }
    }
    #[early(ttl = "90s")]
    async fn way_out(text: &str) -> Result<Seen, NoNumber> {
        let number: u8 = text.parse()?;
        if number == 0 {
            return Ok(seen("zero").await);
        }
        for other in 1..=number {
            if other == 3 {
                return Ok(seen("three").await);
            }
        }
        Ok(seen(number).await)
    }
    for (text, expected) in [("0", "\"zero\""), ("2", "2"), ("4", "\"three\"")] {
        assert_eq!(beside(async || way_out(text).await.unwrap()).await, expected);
    }
    assert!(way_out("x").await.unwrap_err().0.contains("invalid digit"));
}

#[tokio::test]
async fn an_error_that_stays_in_its_thread_keeps_no_call_and_no_refresh_there() {
    #[early(ttl = "90s")]
    async fn fails(text: &str) -> Result<Seen, Box<dyn std::error::Error>> {
        let number: u8 = text.parse()?;
        Ok(seen(number).await)
    }
    assert_eq!(beside(async || fails("1").await.unwrap()).await, "1");
    // Can be spawned.
    let failed = tokio::spawn(async { fails("x").await.is_err() }).await.unwrap();
    assert!(failed);
}

#[tokio::test]
async fn foreground_functions_may_borrow_what_cannot_be_copied() {
    struct Source<'a>(&'a mut Vec<u8>, std::rc::Rc<u8>);
    #[early(ttl = "90s", key = "source", background = false)]
    async fn ask(source: &mut Source<'_>, all: &[&str], once: Option<&mut u8>) -> usize {
        source.0.push(*source.1);
        if let Some(once) = once {
            *once += 1;
        }
        tokio::task::yield_now().await;
        source.0.len() + all.len()
    }
    impl Source<'_> {
        #[early(ttl = "90s", key = "source_itself", background = false)]
        async fn ask_it(&mut self) -> usize {
            self.0.push(0);
            self.0.len()
        }
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let (mut all, mut asked) = (Vec::new(), 0);
            let mut source = Source(&mut all, std::rc::Rc::new(7));
            assert_eq!(ask(&mut source, &["a"], Some(&mut asked)).await, 2);
            assert_eq!(source.ask_it().await, 2);
            fixture.clock.advance(Duration::from_secs(30));
            assert_eq!((ask(&mut source, &["a"], None).await, source.ask_it().await), (4, 4));
            assert_eq!((all, asked), (vec![7, 0, 7, 0], 1));
        })
        .await;
}

#[tokio::test]
async fn a_copy_is_made_only_where_the_function_runs() {
    static COPIES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    use std::sync::atomic::Ordering::SeqCst;
    struct Counted(BTreeMap<u8, u8>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            COPIES.fetch_add(1, SeqCst);
            Self(self.0.clone())
        }
    }
    #[early(ttl = "90s", key = "counted")]
    async fn counted(all: &Counted) -> usize {
        all.0.len()
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let all = Counted(BTreeMap::new());
            for _ in 0..10 {
                counted(&all).await;
            }
            assert_eq!(COPIES.load(SeqCst), 1);
            fixture.clock.advance(Duration::from_secs(30));
            for _ in 0..10 {
                counted(&all).await;
            }
            settle().await;
            assert_eq!(COPIES.load(SeqCst), 2);
        })
        .await;
}
