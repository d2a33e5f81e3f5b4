//! The table of bytes in the documentation is the format: what is sealed is read by it here.

use std::path::Path;

use cache_core::Kind;
use cache_core::envelope::Head;

use super::support::{SECRET, head, trailers};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/envelope.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of the table of bytes: where, how many, what.
fn rows(page: &str) -> Vec<[String; 3]> {
    page.lines()
        .skip_while(|line| !line.starts_with("| at | bytes |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            [cells[0].to_owned(), cells[1].to_owned(), cells[2].to_owned()]
        })
        .collect()
}

/// A field of the fixed part, found by the words that its row begins with.
fn field(sealed: &[u8], name: &str) -> u64 {
    let page = page();
    let all = rows(&page);
    let [at, len, _] = all.iter().find(|[_, _, what]| what.starts_with(name)).expect(name);
    let (at, len): (usize, usize) = (at.parse().unwrap(), len.parse().unwrap());
    let mut bytes = [0; 8];
    bytes[..len].copy_from_slice(&sealed[at..at + len]);
    u64::from_le_bytes(bytes)
}

#[test]
fn every_field_stands_where_the_table_says() {
    let head = head();
    let tags = [("users", 0x1122_3344_5566_7788), ("é", 9)];
    for ((_, envelope), trailer) in trailers().into_iter().zip([8, 32, 20]) {
        let sealed = envelope.seal("k", &head, &tags, b"payload").unwrap();
        assert_eq!(sealed[..2], [0xCA, 0xDA]);
        for (name, expected) in [
            ("version of this format", 1),
            ("codec", head.codec.into()),
            ("zero", 0),
            ("how many tags", 2),
            ("when it was stored", head.stored),
            ("when it expires", head.expires),
            ("until when it is fresh", head.fresh_until),
            ("how many nanoseconds", u64::try_from(head.cost.as_nanos()).unwrap()),
            ("a nonce", head.nonce),
            ("fingerprint", head.schema),
            ("version of the function", head.version.into()),
            ("length of the payload", 7),
        ] {
            assert_eq!(field(&sealed, name), expected, "{name}");
        }
        let mut rest = vec![5, 0];
        rest.extend_from_slice(b"users");
        rest.extend_from_slice(&0x1122_3344_5566_7788_u64.to_le_bytes());
        rest.extend_from_slice(&[2, 0, 0xC3, 0xA9, 9, 0, 0, 0, 0, 0, 0, 0]);
        rest.extend_from_slice(b"payload");
        assert_eq!(sealed[64..sealed.len() - trailer], rest, "a trailer of {trailer} bytes");
    }
}

#[test]
fn flags_are_the_bits_that_the_table_says() {
    for (signature, (_, envelope)) in (0..).zip(trailers()) {
        for (kind, of) in (0..).zip([Kind::Value, Kind::Absent, Kind::Failed]) {
            let sealed = envelope.seal("k", &Head { kind: of, ..head() }, &[], b"").unwrap();
            assert_eq!(field(&sealed, "flags"), kind | signature << 4);
        }
    }
    for (compression, name) in (1..).zip(["lz4", "zstd"]) {
        let Ok(how) = name.parse() else { continue };
        let compressing = trailers().map(|(_, envelope)| envelope.compressed(how));
        let sealed = compressing[0].seal("k", &head(), &[], &[7; 500]).unwrap();
        assert_eq!(field(&sealed, "flags"), compression << 2);
        assert_eq!(field(&sealed, "length of the payload"), 500);
    }
}

#[test]
fn the_fields_of_the_table_fill_the_fixed_part_without_gaps() {
    let mut next = 0;
    for [at, len, _] in rows(&page()).iter().take(14) {
        assert_eq!(at.parse::<usize>().unwrap(), next);
        next += len.parse::<usize>().unwrap();
    }
    assert_eq!(next, 64);
}

#[test]
fn the_module_tells_the_same_table_as_the_page() {
    let source = include_str!("../../src/envelope.rs");
    let module: String =
        source.lines().filter_map(|line| line.strip_prefix("//! ")).fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
    assert!(!rows(&page()).is_empty());
    assert_eq!(rows(&module), rows(&page()));
}

type ByHand = fn(&str, &[u8]) -> Vec<u8>;

/// Another program's way to the trailer, by the words of the page alone.
#[test]
fn trailers_are_what_the_page_says() {
    use hmac::{Hmac, KeyInit, Mac};
    use twox_hash::XxHash3_64;

    fn mac<M: Mac + KeyInit>(key: &str, body: &[u8]) -> Vec<u8> {
        let mut signed = b"macadamia entry\0".to_vec();
        signed.extend_from_slice(&u64::try_from(key.len()).unwrap().to_le_bytes());
        signed.extend_from_slice(key.as_bytes());
        signed.extend_from_slice(body);
        let mut mac = <M as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&signed);
        mac.finalize().into_bytes().to_vec()
    }
    fn checksum(key: &str, body: &[u8]) -> Vec<u8> {
        XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(key.as_bytes()), body).to_le_bytes().to_vec()
    }

    let by_hand: [ByHand; 3] = [checksum, mac::<Hmac<sha2::Sha256>>, mac::<Hmac<sha1::Sha1>>];
    for ((name, envelope), by_hand) in trailers().into_iter().zip(by_hand) {
        // Short and long: XXH3 goes other ways.
        for payload in [&b"payload"[..], &[7; 1000]] {
            let sealed = envelope.seal("user:7", &head(), &[], payload).unwrap();
            let (body, trailer) = sealed.split_at(64 + payload.len());
            assert_eq!(by_hand("user:7", body), trailer, "{name}");
        }
    }
}
