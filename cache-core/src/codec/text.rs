//! Text as it is.

use super::{Codec, Failure, Plain, Slot, ids};

/// Text, numbers, booleans and unit variants as they are written, by `serde_plain`.
///
/// For values that people or other programs read: `"on"`, `42`, `Open`. Its name in URLs is `string`. Everything that is
/// no single scalar is refused.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// use cache_core::codec::Text;
///
/// cache.set("greeting", "hello").codec(&Text).await?;
/// assert_eq!(cache.get_raw("greeting").await?.unwrap(), "hello");
/// assert!(cache.set("greetings", &vec![1, 2]).codec(&Text).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Text;

impl Codec for Text {
    fn id(&self) -> u8 {
        ids::TEXT
    }

    fn name(&self) -> &'static str {
        "string"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        Ok(serde_plain::to_string(value)?.into_bytes())
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        slot.read(serde_plain::Deserializer::new(std::str::from_utf8(bytes)?))
    }
}
