//! `compress`: fewer bytes, where it helps.

use macadamia::testing::Wire;
use macadamia::{Cache, Route};

use super::said::wire;
use super::{built, config};

fn long() -> String {
    "the same words ".repeat(100)
}

/// The length of what lies on the server, and that it comes back.
async fn stored_len(cache: &Cache, wire: &Wire, value: &[u8]) -> usize {
    cache.set("k", &value.to_vec()).codec("raw").await.unwrap();
    assert_eq!(cache.get::<Vec<u8>>("k").await.unwrap().as_deref(), Some(value));
    assert_eq!(cache.get_raw("k").await.unwrap().unwrap(), value, "it is inflated again");
    wire.stored("k").unwrap().len()
}

#[tokio::test]
async fn compression_is_said_by_the_url_the_setter_the_builder_or_data() {
    for how in ["lz4", "zstd", "ZSTD"] {
        let server = wire(&format!("compress-{how}"));
        let url = format!("codecs://compress-{how}");
        Cache::configure(format!("compress-{how} = {{ url = '{url}', compress = '{how}' }}")).unwrap();
        for cache in [
            built(Cache::builder().route("", format!("{url}?compress={how}"))).await,
            built(Cache::builder().route("", Route::to(&url).compress(how))).await,
            built(Cache::builder().compress(how).route("", &url)).await,
            Cache::create(&format!("compress-{how}")).unwrap(),
        ] {
            let len = stored_len(&cache, &server, long().as_bytes()).await;
            assert!(len < 200, "{how}: {len} bytes of {}", long().len());
        }
        for cache in [
            built(Cache::builder().compress(how).route("", format!("{url}?compress=none"))).await,
            built(Cache::builder().route("", Route::to(format!("{url}?compress={how}")).compress("none")))
                .await,
            built(Cache::builder().route("", &url)).await,
        ] {
            assert!(stored_len(&cache, &server, long().as_bytes()).await > long().len());
        }
    }
    let wrong = Cache::builder().route("", "codecs://wrong?compress=gzip").build().await;
    assert_eq!(config(wrong), "route \"\": option `compress`: `gzip` is no compression: `lz4` or `zstd`");
}

#[tokio::test]
async fn what_does_not_become_smaller_is_stored_as_it_is() {
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(300).collect();
    for value in [b"short".to_vec(), noise] {
        let bare = Wire::new();
        let expected =
            stored_len(&built(Cache::builder().route("", bare.clone())).await, &bare, &value).await;
        for how in ["lz4", "zstd"] {
            let wire = Wire::new();
            let cache = built(Cache::builder().compress(how).route("", wire.clone())).await;
            assert_eq!(stored_len(&cache, &wire, &value).await, expected, "{how}");
        }
    }
}

#[tokio::test]
async fn what_was_compressed_in_another_way_or_not_at_all_is_read() {
    let wire = Wire::new();
    for writer in ["none", "lz4", "zstd"] {
        let cache = built(Cache::builder().compress(writer).route("", wire.clone())).await;
        cache.set("k", &long()).await.unwrap();
        for reader in ["none", "lz4", "zstd"] {
            let cache = built(Cache::builder().compress(reader).route("", wire.clone())).await;
            let read = cache.get::<String>("k").await.unwrap();
            assert_eq!(read, Some(long()), "{writer} read by {reader}");
        }
    }
}

#[tokio::test]
async fn compression_goes_with_every_codec_and_a_secret() {
    for known in super::ALL {
        let route =
            Route::to(Wire::new()).codec(known.codec).compress("zstd").secret("a secret of some length");
        let cache = built(Cache::builder().route("", route)).await;
        cache.set("k", &long()).await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap(), Some(long()), "{}", known.codec.name());
    }
}
