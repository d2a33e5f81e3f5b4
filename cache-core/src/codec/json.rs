//! JSON: what other programs read too.
#![cfg(feature = "json")]

use super::{Codec, Failure, Plain, Slot, ids};

/// JSON, by `serde_json`.
///
/// For values that other programs read, and for types that bincode cannot read back. Larger and slower than
/// [`Bincode`](super::Bincode). Maps need keys that are text or numbers. What JSON would write as `null` and read as
/// `None` is refused: `NaN` and infinities, `Some(None)`, `Some(())`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// use cache_core::codec::Json;
///
/// cache.set("limits", &vec![1, 2]).codec(&Json).await?;
/// assert_eq!(cache.get_raw("limits").await?.unwrap(), "[1,2]");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Codec for Json {
    fn id(&self) -> u8 {
        ids::JSON
    }

    fn name(&self) -> &'static str {
        "json"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        Ok(serde_json::to_vec(value)?)
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let mut from = serde_json::Deserializer::from_slice(bytes);
        slot.read(&mut from)?;
        Ok(from.end()?)
    }
}
