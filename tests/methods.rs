//! Methods as targets: `handle` on a method, and `Type::method(placeholder = value)` elsewhere.

mod support;

use macadamia::{Cache, EventKind, KeyPart, cached, invalidate, key, purge};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::Fixture;

static RUNS: AtomicUsize = AtomicUsize::new(0);

fn run() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

struct Repo {
    region: String,
}

impl Repo {
    #[cached(ttl = "1h", key = "repo:<self.region>:<id>:<name:lower>", handle)]
    pub(crate) async fn get(&self, id: u64, name: &str) -> usize {
        let _ = (id, name);
        run()
    }

    #[cached(ttl = "1h", skip(self), handle)]
    async fn by_default(&self, page: u32, filter: Option<String>) -> usize {
        let _ = (page, filter);
        run()
    }

    #[cached(ttl = "1h", handle)]
    async fn make(id: u64) -> usize {
        let _ = id;
        run()
    }

    #[cached(ttl = "1h", skip(self), handle)]
    async fn typed<T: KeyPart + Send + Sync>(&self, value: T) -> usize {
        let _ = value;
        run()
    }

    #[cached(
        ttl = "1h",
        key = "kinds:<text>:<text:hash>:<list:len>:<text:display>:<text:crate::first>",
        handle
    )]
    async fn kinds(text: &str, list: &[u8]) -> usize {
        let _ = (text, list);
        run()
    }

    #[invalidate(Self::get(self.region = self.region, id = id))]
    async fn rename(&self, id: u64) {}
}

fn first(text: &str) -> String {
    text.chars().take(1).collect()
}

#[invalidate(Repo::get(id = id, name = "ANN"))]
async fn change(id: u64) {}

#[invalidate(crate::Repo::get(name = _))]
async fn change_all() {}

#[invalidate(Repo::by_default(page = page), Repo::make)]
async fn change_pages(page: u32) {}

fn repo(region: &str) -> Repo {
    Repo { region: region.to_owned() }
}

/// Which of the entries are gone after `action`.
async fn gone_after(action: impl Future) -> Vec<usize> {
    let fixture = Fixture::memory().await;
    let (east, west) = (repo("east"), repo("west"));
    let fill = || async {
        [
            east.get(1, "Ann").await,
            east.get(1, "bob").await,
            west.get(1, "ann").await,
            west.get(2, "ann").await,
            east.by_default(1, None).await,
            east.by_default(2, Some("x".to_owned())).await,
            Repo::make(1).await,
        ]
    };
    fixture
        .run(async {
            let before = fill().await;
            action.await;
            let after = fill().await;
            (0..before.len()).filter(|index| before[*index] != after[*index]).collect()
        })
        .await
}

#[tokio::test]
async fn exactly_the_named_entries_go() {
    assert_eq!(gone_after(change(1)).await, [0, 2]);
    assert_eq!(gone_after(change_all()).await, [0, 1, 2, 3]);
    assert_eq!(gone_after(change_pages(1)).await, [4, 6]);
    assert_eq!(gone_after(repo("east").rename(1)).await, [0, 1]);
    assert_eq!(
        gone_after(async { purge!(Repo::by_default(filter = Some("x".to_owned()))).await }).await,
        [5]
    );
    let two = async { purge!(<Repo>::get(self.region = "west"), Repo::make(id = 2u64)).await };
    assert_eq!(gone_after(two).await, [2, 3]);
}

#[tokio::test]
async fn a_method_handle_makes_the_keys_that_the_method_uses() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let made = key!(Repo::get(self.region = "east", id = 7u64, name = "ANN"));
            assert_eq!(made, "repo:east:7:ann");
            let value = repo("east").get(7, "Ann").await;
            assert_eq!(fixture.cache.get::<usize>(&made).await.unwrap(), Some(value));

            let made = key!(Repo::by_default(page = 1u32, filter = None));
            assert_eq!(made, "methods::Repo::by_default:page:1:filter:~");
            repo("east").by_default(1, None).await;
            assert!(fixture.cache.exists(&made).await.unwrap());

            Repo::make(3).await;
            assert!(fixture.cache.exists(key!(Repo::make(id = 3u64))).await.unwrap());
        })
        .await;
}

#[tokio::test]
async fn every_kind_of_placeholder_can_be_filled() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            Repo::kinds("a:b", &[1, 2]).await;
            Repo::kinds("a", &[]).await;
            assert_eq!(purge!(Repo::kinds(text = "a:b", list = [1u8, 2])).await.unwrap(), 1);
            assert_eq!(purge!(Repo::kinds(list = Vec::new())).await.unwrap(), 1);

            repo("x").typed(1u8).await;
            repo("x").typed("1").await;
            repo("x").typed(2u8).await;
            assert_eq!(purge!(Repo::typed(value = 1u64)).await.unwrap(), 2);
            assert_eq!(purge!(Repo::typed).await.unwrap(), 1);
        })
        .await;
}

struct Store<T>(T);

impl<T: KeyPart + Send + Sync> Store<T> {
    #[cached(ttl = "1h", key = "store:<self.0>:<other>", handle)]
    async fn get(&self, other: T) -> usize {
        let _ = other;
        run()
    }

    #[cached(ttl = "1h", skip(self), handle)]
    async fn by_default(&self) -> usize {
        run()
    }
}

#[tokio::test]
async fn methods_of_generic_types_are_named_with_their_arguments() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            Store(1u8).get(2).await;
            Store(1u8).by_default().await;
            Store("a").by_default().await;
            assert_eq!(purge!(Store::<u8>::get(other = 2u8)).await.unwrap(), 1);
            assert_eq!(purge!(Store::<u8>::by_default).await.unwrap(), 1);
            assert_eq!(purge!(<Store<&str>>::by_default).await.unwrap(), 1);
        })
        .await;
}

struct Owner {
    cache: Cache,
}

impl Owner {
    #[cached(ttl = "1h", key = "owned:<id>", cache = self.cache, handle)]
    async fn get(&self, id: u32) -> usize {
        let _ = id;
        run()
    }

    #[invalidate(Owner::get(id = id), cache = self.cache)]
    async fn change(&self, id: u32) {}
}

#[tokio::test]
async fn where_the_cache_is_of_the_instance_the_target_says_which() {
    let fixture = Fixture::memory().await;
    let owner = Owner { cache: fixture.cache.clone() };
    let first = owner.get(1).await;
    assert_eq!(owner.get(1).await, first);
    owner.change(1).await;
    assert_ne!(owner.get(1).await, first);
    assert_eq!(fixture.events.count(EventKind::Computed), 2);
}

mod elsewhere {
    pub(super) mod functions {
        use macadamia::cached;

        #[cached(ttl = "1h", key = "elsewhere:<id>")]
        pub(in super::super) async fn get(id: u32) -> u32 {
            id
        }
    }
}

#[tokio::test]
async fn a_module_before_the_name_names_a_function() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            elsewhere::functions::get(1).await;
            assert_eq!(purge!(elsewhere::functions::get(id = 1u32)).await.unwrap(), 1);
        })
        .await;
}
