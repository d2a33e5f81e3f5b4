//! Which slot a key is in.

/// How many slots there are.
pub(super) const COUNT: u16 = 16_384;

/// The slot of a key: of what stands between its first braces, if anything does.
pub fn slot_of(key: impl AsRef<[u8]>) -> u16 {
    crc16(tagged(key.as_ref())) % COUNT
}

fn tagged(key: &[u8]) -> &[u8] {
    let inside = key.iter().position(|byte| *byte == b'{').map(|open| &key[open + 1..]);
    let tag =
        inside.and_then(|inside| inside.iter().position(|byte| *byte == b'}').map(|end| &inside[..end]));
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}
