//! Functions that macros put together from several places, and parameters that are there under a condition.

mod support;

use macadamia::{cached, invalidate, registry};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::Fixture;

static RUNS: AtomicUsize = AtomicUsize::new(0);

fn run() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

/// All of it from the caller.
macro_rules! handed_on {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($($param:pat => $type:ty),*) -> $output:ty $body:block) => {
        $(#[$attr])*
        $vis async fn $name($($param: $type),*) -> $output $body
    };
}

handed_on!(
    #[cached(ttl = "1h", key = "handed-on:<a>:<b.0>")]
    #[must_use = "with a stranger"]
    pub(crate) fn from_outside(a => u32, b => (u32, u32)) -> usize {
        let _ = (a, b);
        run()
    }
);

handed_on!(
    #[invalidate("handed-on:<a>:*")]
    #[cached(ttl = "1h")]
    fn two_from_outside(a => u32, (b, _) => (u32, u32)) -> usize {
        let _ = (a, b);
        run()
    }
);

/// The function from here, with one parameter of the caller's beside one of its own.
macro_rules! mixed {
    ($name:ident, $outer:ident, $type:ty, $($key:tt)*) => {
        #[cached(ttl = "1h", $($key)*)]
        async fn $name($outer: $type, inner: $type) -> usize {
            let _ = ($outer, inner);
            run()
        }
    };
}

mixed!(mixed_by_template, outer, &str, key = "mixed:<outer>:<inner>");
mixed!(mixed_by_default, outer, u32,);
mixed!(mixed_by_code, outer, u32, key = |outer| format!("mixed-code:{outer}"));

/// The attribute from here, the item from there.
macro_rules! around {
    ($ttl:expr, $key:literal, $item:item) => {
        #[cached(ttl = $ttl, key = $key)]
        $item
    };
}

around!(
    "1h",
    "around:<name>",
    async fn around(name: &str) -> Option<usize> {
        let first = name.chars().next()?;
        Some(run() + first.len_utf8() - first.len_utf8())
    }
);

/// A whole family.
macro_rules! family {
    ($($name:ident: $type:ident { $($field:ident),* }),* $(,)?) => {$(
        #[derive(Clone)]
        struct $type { $($field: u32),* }

        impl $type {
            #[cached(ttl = "1h", key = "<self.id>:<by>", prefix = "family", handle)]
            async fn $name(&self, by: u32) -> usize {
                $(let $field = self.$field as usize;)*
                let sum = 0 $(+ $field)*;
                run() + by as usize + sum - by as usize - sum
            }

            #[invalidate(Self::$name(self.id = self.id))]
            async fn change(&self) {}
        }
    )*};
}

family!(first: One { id }, second: Two { id, size });

#[tokio::test]
async fn names_from_several_macros_are_told_apart_and_found() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(from_outside(1, (2, 3)).await, from_outside(1, (2, 4)).await);
            assert_ne!(from_outside(1, (2, 3)).await, from_outside(1, (3, 3)).await);
            assert_eq!(from_outside::key(1, (2, 3)), "handed-on:1:2");
            let before = from_outside(1, (2, 3)).await;
            assert_eq!(two_from_outside(1, (2, 3)).await, two_from_outside(1, (2, 4)).await);
            assert_ne!(from_outside(1, (2, 3)).await, before);
            assert_eq!(mixed_by_template("a", "b").await, mixed_by_template("a", "b").await);
            assert_ne!(mixed_by_template("a", "b").await, mixed_by_template("b", "a").await);
            assert_ne!(mixed_by_default(1, 2).await, mixed_by_default(2, 1).await);
            assert_eq!(mixed_by_code(1, 2).await, mixed_by_code(1, 3).await);
            assert_eq!(around("a").await, around("a").await);
            assert_eq!(around("").await, None);
            let (one, two) = (One { id: 1 }, Two { id: 2, size: 3 });
            let (first, second) = (one.first(1).await, two.second(1).await);
            one.change().await;
            assert_ne!(one.first(1).await, first);
            assert_eq!(two.second(1).await, second);
            two.change().await;
            assert_ne!(two.second(1).await, second);
        })
        .await;
    assert!(registry().find(|found| found.name == "mixed_by_default").is_some());
}

#[cached(ttl = "1h", handle = false)]
async fn sometimes(
    a: u32,
    #[cfg(any())] b: Missing,
    #[cfg(not(any()))] c: u32,
    #[cfg_attr(all(), allow(unused_variables, reason = "nobody reads it"))] d: u32,
) -> usize {
    let _ = (a, c);
    run()
}

#[cached(ttl = "1h", key = "either:<id>", handle = false)]
async fn either(#[cfg(any())] id: &str, #[cfg(not(any()))] id: u32) -> usize {
    let _ = id;
    run()
}

#[cached(ttl = "1h", key = "beside:<id>")]
async fn beside(#[cfg(any())] db: &Missing, id: u32, #[cfg(not(any()))] scale: u32) -> usize {
    let _ = (id, scale);
    run()
}

#[invalidate("either:<id>:<extra>", "either:<id>")]
async fn change(id: u32, #[cfg(any())] extra: &str) {}

struct Repo(u32);

impl Repo {
    #[cached(ttl = "1h", skip(self, db), handle = false)]
    async fn get(&self, #[cfg(any())] db: &Missing, #[cfg(not(any()))] (a, b): (u32, u32)) -> usize {
        let _ = (a, b, self.0);
        run()
    }
}

#[tokio::test]
async fn parameters_may_be_there_under_a_condition() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(sometimes(1, 2, 3).await, sometimes(1, 2, 3).await);
            for (c, d) in [(2, 4), (3, 3)] {
                assert_ne!(sometimes(1, 2, 3).await, sometimes(1, c, d).await, "{c} {d}");
            }
            let first = either(1).await;
            assert_eq!(either(1).await, first);
            assert_ne!(either(2).await, first);
            change(1).await;
            assert_ne!(either(1).await, first);
            assert_eq!(beside(1, 1).await, beside(1, 2).await);
            let fresh = beside::refresh(1, 3).await;
            assert_eq!(beside(1, 1).await, fresh);
            assert_eq!(Repo(1).get((1, 2)).await, Repo(2).get((1, 2)).await);
            assert_ne!(Repo(1).get((1, 2)).await, Repo(1).get((1, 3)).await);
        })
        .await;
}
