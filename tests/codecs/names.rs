//! Names that are none, and ids that are taken.

use macadamia::codec::{Failure, Plain, Slot};
use macadamia::testing::Wire;
use macadamia::{Cache, Codec, Error, EventKind, Route, Scope, cached};

use super::plain;

/// Would pass for one of ours.
#[derive(Debug)]
pub(crate) struct Sly;

impl Codec for Sly {
    fn id(&self) -> u8 {
        7
    }

    fn name(&self) -> &'static str {
        "sly"
    }

    fn encode(&self, _: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }

    fn decode(&self, _: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        slot.put(String::new()).map_err(Into::into)
    }
}

const TAKEN: &str = "the codec `sly` has id 7: those below 128 are taken";
const THERE_ARE: &str = "no codec is called `yaml`; there are: bincode, json, msgpack, string, raw";

fn message(outcome: Result<impl std::fmt::Debug, Error>) -> String {
    match outcome {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_name_is_told_with_those_there_are_wherever_it_is_said() {
    let url = Cache::builder().route("", "mem://?codec=yaml").build().await;
    assert_eq!(message(url), format!("route \"\": option `codec`: {THERE_ARE}"));
    let setter = Cache::builder().route("a:", Route::to("mem://").codec("yaml")).build().await;
    assert_eq!(message(setter), format!("route \"a:\": option `codec`: {THERE_ARE}"));
    let builder = Cache::builder().codec("yaml").route("", "mem://").build().await;
    assert_eq!(message(builder), THERE_ARE);
    let data = Cache::configure("yaml = { url = 'mem://', codec = 'yaml' }");
    assert_eq!(message(data), format!("cache \"yaml\": option `codec`: {THERE_ARE}"));
    let (cache, _) = plain(&Wire::new()).await;
    assert_eq!(message(cache.set("k", "v").codec("yaml").await), THERE_ARE);
    assert_eq!(message(cache.get::<String>("k").codec("yaml").await), THERE_ARE);
}

#[tokio::test]
async fn an_id_below_128_is_refused_where_a_cache_is_built_and_where_a_call_says_it() {
    let setter = Cache::builder().route("", Route::to("mem://").codec(&Sly)).build().await;
    assert_eq!(message(setter), format!("route \"\": option `codec`: {TAKEN}"));
    let sly: &'static dyn Codec = &Sly;
    let builder = Cache::builder().codec(sly).route("", "mem://").build().await;
    assert_eq!(message(builder), TAKEN);
    let (cache, _) = plain(&Wire::new()).await;
    assert_eq!(message(cache.set("k", "v").codec(&Sly).await), TAKEN);
}

#[tokio::test]
async fn an_id_below_128_of_an_attribute_stores_nothing_and_is_told() {
    #[cached(ttl = "1h", key = "sly", codec = Sly)]
    async fn sly() -> String {
        "answer".to_owned()
    }
    let wire = Wire::new();
    let (cache, told) = plain(&wire).await;
    assert_eq!(Scope::new().cache(&cache).run(sly()).await, "answer");
    let errors = told.of(EventKind::NotSerializable);
    assert!(errors.len() == 1 && errors[0].contains(TAKEN), "{errors:?}");
    assert!(wire.is_empty());
    // Nor does it read what others have stored.
    cache.set("sly", "other").await.unwrap();
    assert_eq!(Scope::new().cache(&cache).run(sly::peek()).await.unwrap().as_deref(), Some("other"));
}
