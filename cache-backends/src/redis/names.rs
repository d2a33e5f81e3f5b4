//! What records of our own are called on the server. Entries, numbers and states are called what they are called here.
//!
//! A right to fill a key lies where the key lies, also in a cluster: there the place is told by what stands between the
//! first `{` and the next `}` of a name, if anything does, and else by the whole name.

/// Before all names of our own.
const FILL: &str = "macadamia:fill:";
const TAG: &str = "macadamia:tag:";

/// The name of the right to fill a key.
pub(super) fn fill(key: &[u8]) -> Vec<u8> {
    [FILL.as_bytes(), &placed(key)].concat()
}

/// What the rights to fill all keys are called, for `MATCH`.
pub(super) const FILLS: &str = "macadamia:fill:*";

/// The key that a right is for; none if the name is of something else.
pub(super) fn key_of_fill(name: &[u8]) -> Option<&[u8]> {
    match name.strip_prefix(FILL.as_bytes())?.split_first()? {
        (b'=', key) => Some(key),
        (b'{', rest) => rest.strip_suffix(b"}"),
        (b'#', rest) => rest.split_at_checked(PLACE).map(|(_, key)| key),
        _ => None,
    }
}

/// The tag whose generation has this name.
pub(super) fn tag_of(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name.strip_prefix(TAG.as_bytes())?).ok()
}

/// The name of the generation of a tag.
pub(super) fn tag(tag: &str) -> Vec<u8> {
    [TAG.as_bytes(), tag.as_bytes()].concat()
}

/// How long the number of a place is, and with its braces.
const DIGITS: usize = 4;
const PLACE: usize = DIGITS + 2;

/// The key, so written that it lies where it lies, whatever stands before it: as it is where it tells its place itself,
/// in braces where it has none, and else behind a number that tells the same place.
fn placed(key: &[u8]) -> Vec<u8> {
    if hash_tag(key).is_some() {
        return [b"=", key].concat();
    }
    if !key.is_empty() && !key.iter().any(|byte| matches!(byte, b'{' | b'}')) {
        return [b"{", key, b"}"].concat();
    }
    [b"#{", &stand_in(slot(key))[..], b"}", key].concat()
}

/// What stands between the first `{` and the next `}`, if anything does.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let rest = key.get(open + 1..)?;
    let close = rest.iter().position(|byte| *byte == b'}')?;
    rest.get(..close).filter(|tag| !tag.is_empty())
}

/// In which of 16384 places of a cluster a key lies.
pub(super) fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % 16_384
}

/// A name that lies in that place.
pub(super) fn in_slot(slot: u16) -> [u8; DIGITS] {
    stand_in(slot)
}

/// A number, of four digits to the base 36, that lies in that place.
fn stand_in(slot: u16) -> [u8; DIGITS] {
    static TABLE: std::sync::LazyLock<Vec<[u8; DIGITS]>> = std::sync::LazyLock::new(|| {
        let mut table = vec![[0; DIGITS]; 16_384];
        let mut left = table.len();
        for number in 0..36_u32.pow(4) {
            let digits = digits(number);
            if let Some(free) =
                table.get_mut(usize::from(self::slot(&digits))).filter(|free| **free == [0; DIGITS])
            {
                *free = digits;
                left -= 1;
            }
            if left == 0 {
                break;
            }
        }
        table
    });
    TABLE.get(usize::from(slot)).copied().unwrap_or([b'0'; DIGITS])
}

fn digits(mut number: u32) -> [u8; DIGITS] {
    [(); DIGITS].map(|()| {
        let digit =
            char::from_digit(number % 36, 36).map_or(b'0', |digit| u8::try_from(digit).unwrap_or(b'0'));
        number /= 36;
        digit
    })
}

/// CRC16-XMODEM, as clusters use it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// A text for `MATCH`, in which nothing means more than itself.
pub(super) fn escaped(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 17] = [
        "user:7",
        "",
        "{",
        "}",
        "{}",
        "{}x",
        "a{b}c",
        "a",
        "{a}",
        "={a}",
        "a{",
        "}a{",
        "}{00001}x",
        "x}{y}",
        "{{a}}",
        "#{0001}",
        "日本語",
    ];

    #[test]
    fn places_are_those_of_clusters() {
        // As `CLUSTER KEYSLOT` tells.
        for (key, place) in
            [("123456789", 12_739), ("foo{bar}", 5_061), ("bar", 5_061), ("foo", 12_182), ("", 0)]
        {
            assert_eq!(slot(key.as_bytes()), place, "{key:?}");
        }
    }

    #[test]
    fn every_place_has_a_number() {
        for place in 0..16_384 {
            assert_eq!(slot(&stand_in(place)), place);
        }
    }

    #[test]
    fn a_right_lies_where_its_key_lies_and_is_found_by_it() {
        for key in KEYS {
            let name = fill(key.as_bytes());
            assert_eq!(slot(&name), slot(key.as_bytes()), "{key:?}");
            assert_eq!(key_of_fill(&name), Some(key.as_bytes()), "{key:?}");
        }
        let mut names: Vec<_> = KEYS.iter().map(|key| fill(key.as_bytes())).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), KEYS.len(), "two keys have one right");
        assert_eq!(key_of_fill(b"macadamia:tag:x"), None);
    }
}
