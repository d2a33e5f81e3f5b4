//! As JSON, in fewer bytes.
#![cfg(feature = "msgpack")]

use serde::Serialize;

use super::{Codec, Failure, Plain, Slot, ids};

/// How deep values may be nested: as deep as JSON's.
const DEPTH: usize = 128;

/// `MessagePack` with field names, by `rmp-serde`.
///
/// For types that bincode cannot read back, in fewer bytes than JSON. What it would write as `nil` and read as `None`
/// is refused: `Some(None)`, `Some(())`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// use cache_core::codec::MsgPack;
///
/// cache.set("limits", &vec![1, 2]).codec(&MsgPack).await?;
/// assert_eq!(cache.get::<Vec<u8>>("limits").await?, None, "a list of other numbers");
/// assert_eq!(cache.get::<Vec<i32>>("limits").await?.unwrap(), [1, 2]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MsgPack;

impl Codec for MsgPack {
    fn id(&self) -> u8 {
        ids::MSGPACK
    }

    fn name(&self) -> &'static str {
        "msgpack"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(128);
        value.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())?;
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
        let mut from = rmp_serde::Deserializer::new(std::io::Cursor::new(bytes));
        from.set_max_depth(DEPTH);
        slot.read(&mut from)?;
        if from.position() == bytes.len() as u64 { Ok(()) } else { Err("bytes are left over".into()) }
    }
}
