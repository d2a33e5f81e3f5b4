//! A cache on it behaves as on a server.

use super::Wire;
use crate::cache::Cache;

async fn cache_on(wire: &Wire) -> Cache {
    Cache::builder().route("", wire.clone()).build().await.unwrap()
}

#[tokio::test]
async fn a_cache_asks_it_whether_tags_stand() {
    let wire = Wire::new();
    let cache = cache_on(&wire).await;
    cache.set("k", "v").tags(["red"]).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    cache.delete_tags(["red"]).await.unwrap();
    assert_eq!((cache.get::<String>("k").await.unwrap(), wire.len()), (None, 1));
}

#[tokio::test]
async fn what_carries_a_forgotten_tag_is_gone() {
    let cache = cache_on(&Wire::with_tag_records(2)).await;
    for key in ["a", "b", "c"] {
        cache.set(key, "v").tags([key]).await.unwrap();
    }
    let left: Vec<Option<String>> = cache.get_many(["a", "b", "c"]).await.unwrap();
    assert_eq!(left.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
    cache.set("d", "v").tags(["a"]).await.unwrap();
    assert!(!cache.exists("a").await.unwrap(), "the tag is known again, the entry is of before");
}

#[tokio::test]
async fn a_counter_is_read_as_a_number() {
    let cache = cache_on(&Wire::new()).await;
    assert_eq!(cache.incr("n").await.unwrap(), 1);
    assert_eq!(cache.get::<u8>("n").await.unwrap(), Some(1));
}
