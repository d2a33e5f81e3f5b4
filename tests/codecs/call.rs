//! `.codec(…)` of one call.

use macadamia::testing::Wire;
use macadamia::{Cache, Error, Route};

use super::{ALL, GREETING, Reversed, plain};

fn hello() -> String {
    GREETING.to_owned()
}

#[tokio::test]
async fn a_call_beats_its_route_by_every_codec() {
    for known in &ALL {
        for route in &ALL {
            let builder = Cache::builder().route("", Route::to(Wire::new()).codec(route.codec));
            let cache = builder.build().await.unwrap();
            cache.set("k", &hello()).codec(known.codec).await.unwrap();
            assert_eq!(cache.get_raw("k").await.unwrap().unwrap(), known.payload);
            let read = cache.get::<String>("k").codec(known.codec).await.unwrap();
            assert_eq!(read.as_deref(), Some(GREETING));
            if known.has_name() {
                cache.set("named", &hello()).codec(known.codec.name()).await.unwrap();
                assert_eq!(cache.get_raw("named").await.unwrap().unwrap(), known.payload);
            }
        }
    }
}

#[tokio::test]
async fn what_one_call_says_is_forgotten_by_the_next() -> Result<(), Error> {
    let (cache, _) = plain(&Wire::new()).await;
    let route = &b"\x05hello"[..];
    let raw = async |key: &str| Ok::<_, Error>(cache.get_raw(key).await?.unwrap());
    macro_rules! each {
        ($($command:expr, $with:expr;)*) => {$(
            cache.clear().await?;
            $with;
            assert_eq!(raw("k").await?, "\"hello\"", "{}", stringify!($with));
            cache.clear().await?;
            $command;
            assert_eq!(raw("k").await?, route, "{}", stringify!($command));
        )*};
    }
    let value = hello();
    each! {
        cache.set("k", &value).await?, cache.set("k", &value).codec("json").await?;
        cache.add("k", &value).await?, cache.add("k", &value).codec("json").await?;
        cache.set_many([("k", &value)]).await?, cache.set_many([("k", &value)]).codec("json").await?;
        cache.get_or_set("k", || async { hello() }).await?,
            cache.get_or_set("k", || async { hello() }).codec("json").await?;
    }
    cache.set("k", &"x".to_owned()).await?;
    let (_, token) = cache.gets::<String>("k").await?.unwrap();
    assert!(cache.cas("k", &value, &token).codec("json").await?);
    assert_eq!(raw("k").await?, "\"hello\"");
    let (_, token) = cache.gets::<String>("k").await?.unwrap();
    assert!(cache.cas("k", &value, &token).await?);
    assert_eq!(raw("k").await?, route);
    Ok(())
}

#[tokio::test]
async fn what_a_codec_of_ones_own_wrote_is_read_by_calls_that_say_it() -> Result<(), Error> {
    let (cache, _) = plain(&Wire::new()).await;
    cache.set("k", &hello()).codec(&Reversed).await?;
    let hello = Some(hello());
    assert_eq!(cache.get::<String>("k").codec(&Reversed).await?, hello);
    assert_eq!(cache.get_many::<String, _>(["k", "none"]).codec(&Reversed).await?, [hello.clone(), None]);
    assert_eq!(cache.gets::<String>("k").codec(&Reversed).await?.map(|(value, _)| value), hello);
    let matching = cache.get_match::<String>("*").codec(&Reversed).await?;
    assert_eq!(matching.into_iter().map(|(_, value)| value).next(), hello);
    // The next calls do not know it.
    assert_eq!(cache.get::<String>("k").await?, None);
    assert_eq!(cache.get_many::<String, _>(["k"]).await?, [None]);
    assert!(cache.gets::<String>("k").await?.is_none());
    assert!(cache.get_match::<String>("*").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn bytes_past_the_codec_are_read_as_the_route_or_the_call_reads() -> Result<(), Error> {
    let (cache, _) = plain(&Wire::new()).await;
    cache.set_raw("k", "\"hello\"").await?;
    assert_eq!(cache.get::<String>("k").codec("json").await?.as_deref(), Some(GREETING));
    assert_eq!(cache.get::<String>("k").codec("raw").await?.as_deref(), Some("\"hello\""));
    assert_eq!(cache.get::<String>("k").await?, None, "it is no bincode");
    Ok(())
}
