//! Bytes as they are.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use super::{Codec, Failure, Plain, Slot, ids};

/// Bytes and text as they are: `Vec<u8>`, [`Bytes`], `Box<[u8]>`, `Arc<[u8]>`, `String`, `Arc<str>`, `Box<str>`.
///
/// For what is encoded already, where it should keep its type; [`Cache::set_raw`](crate::Cache::set_raw) does without
/// one. Everything else is refused.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// use cache_core::codec::Raw;
///
/// cache.set("image", &vec![0xffu8, 0xd8]).codec(&Raw).await?;
/// assert_eq!(cache.get::<Vec<u8>>("image").await?.unwrap(), [0xff, 0xd8]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    fn id(&self) -> u8 {
        ids::RAW
    }

    fn name(&self) -> &'static str {
        "raw"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        fn view<T: Any + AsRef<[u8]>>(value: &Plain<'_>) -> Option<Vec<u8>> {
            value.downcast_ref::<T>().map(|value| value.as_ref().to_vec())
        }
        let text = || value.downcast_ref::<Arc<str>>().map(|text| text.as_bytes().to_vec());
        let boxed = || value.downcast_ref::<Box<str>>().map(|text| text.as_bytes().to_vec());
        view::<Vec<u8>>(value)
            .or_else(|| view::<Bytes>(value))
            .or_else(|| view::<Box<[u8]>>(value))
            .or_else(|| view::<Arc<[u8]>>(value))
            .or_else(|| view::<String>(value))
            .or_else(text)
            .or_else(boxed)
            .ok_or_else(|| "it is neither bytes nor text".into())
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let is_put = slot.put(bytes.to_vec()).is_ok()
            || slot.put(Bytes::copy_from_slice(bytes)).is_ok()
            || slot.put(Box::<[u8]>::from(bytes)).is_ok()
            || slot.put(Arc::<[u8]>::from(bytes)).is_ok();
        if is_put {
            return Ok(());
        }
        let text = std::str::from_utf8(bytes)?;
        let is_put = slot.put(text.to_owned()).is_ok()
            || slot.put(Arc::<str>::from(text)).is_ok()
            || slot.put(Box::<str>::from(text)).is_ok();
        if is_put { Ok(()) } else { Err("neither bytes nor text was asked for".into()) }
    }
}
