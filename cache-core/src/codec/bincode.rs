//! bincode: small and fast, for what a program writes for itself. The only room that knows that library.
//!
//! It writes no names and trusts lengths, so it stands behind fences: only types whose shape it can tell
//! ([`Schema`](crate::schema::Schema)), a limit for what a length may claim, no bytes left over, nothing left out by a
//! serializer ([`Checked`]), no nesting beyond what a stack takes ([`MAX_DEPTH`](crate::fence::MAX_DEPTH)).

use std::any::Any;
use std::sync::Arc;

use bincode::error::{DecodeError, EncodeError};
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserializer, Serialize};

use super::{Codec, Failure, Plain, Slot, ids};
use crate::entry::{Entry, Meta};
use crate::fence::Checked;
use crate::schema::Enums;

/// What lengths may claim in all: claims are counted, not bytes, and a claim can be eight times its bytes.
const CLAIMS: usize = 8 * crate::envelope::MAX_PAYLOAD;

/// [bincode 2](https://docs.rs/bincode/2.0.1): the default.
///
/// What is stored has no field names, so a reader must know the type; a fingerprint of its shape is stored beside it,
/// and a value of another shape is a miss. Types whose bytes do not tell what they are (untagged and internally tagged
/// enums, `flatten`, `skip_serializing_if`, `serde_json::Value`) are refused when first stored.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// use cache_core::codec::Bincode;
///
/// cache.set("limits", &vec![1u8, 2]).codec(&Bincode).await?;
/// assert_eq!(cache.get_raw("limits").await?.unwrap(), &[2, 1, 2][..]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Bincode;

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<CLAIMS>()
}

impl Codec for Bincode {
    fn id(&self) -> u8 {
        ids::BINCODE
    }

    fn name(&self) -> &'static str {
        "bincode"
    }

    fn is_self_describing(&self) -> bool {
        false
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        bincode::serde::encode_to_vec(Checked::new(value, value.enums()), config()).map_err(told)
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let ((), used) = bincode::serde::seed_decode_from_slice(Into(slot), bytes, config())?;
        all_used(bytes, used)
    }
}

/// Reads into a slot.
struct Into<'a, 's>(&'a mut Slot<'s>);

impl<'de> DeserializeSeed<'de> for Into<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.read(deserializer).map_err(serde::de::Error::custom)
    }
}

/// The same for one type, without a detour: for shapes that cannot nest without end.
pub(crate) fn encode<T: Serialize + Any>(value: &T, enums: &Enums) -> Result<Vec<u8>, Failure> {
    bincode::serde::encode_to_vec(Checked::new(value, enums), config()).map_err(told)
}

/// The same back.
pub(crate) fn decode<T: DeserializeOwned + Any + Send + Sync>(
    bytes: &[u8],
    meta: Meta,
) -> Result<Arc<Entry>, Failure> {
    let (value, used): (T, usize) =
        bincode::serde::decode_from_slice(bytes, config()).map_err(|error: DecodeError| error)?;
    all_used(bytes, used)?;
    Ok(Entry::new(value, meta))
}

/// What the fence said, without the library's `Debug` around it.
fn told(error: EncodeError) -> Failure {
    match error {
        EncodeError::OtherString(text) => text.into(),
        error => error.into(),
    }
}

fn all_used(bytes: &[u8], used: usize) -> Result<(), Failure> {
    if used == bytes.len() {
        Ok(())
    } else {
        Err(format!("{} bytes are left over", bytes.len() - used).into())
    }
}

/// How many bytes a value takes, without writing them; `None` for one that does not encode.
pub(crate) fn measure<T: Serialize + Any>(value: &T) -> Option<usize> {
    struct Count(usize);
    impl bincode::enc::write::Writer for Count {
        fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(())
        }
    }
    let mut count = Count(0);
    bincode::serde::encode_into_writer(value, &mut count, config()).ok()?;
    Some(count.0)
}
