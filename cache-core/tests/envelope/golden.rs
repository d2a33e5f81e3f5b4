//! Entries that were stored by the first build that could, byte by byte.
//!
//! They are never written again. A change of the format is a new version, with files of its own beside these:
//! `MACADAMIA_GOLDEN=write cargo test -p cache-core --all-features --test envelope` writes those that are missing.

use std::path::Path;

use bytes::Bytes;
use cache_core::envelope::{Digest, Envelope, Head};
use cache_core::{Key, Kind};

use super::support::{head, signed};

struct Golden {
    file: &'static str,
    envelope: Envelope,
    head: Head,
    tags: Vec<(&'static str, u64)>,
    payload: Vec<u8>,
    /// Not by those that compress: a newer compressor may find something shorter.
    sealed_alike: bool,
}

fn golden(file: &'static str, envelope: Envelope) -> Golden {
    let payload = b"{\"id\":7,\"name\":\"Ada\"}".to_vec();
    Golden { file, envelope, head: head(), tags: Vec::new(), payload, sealed_alike: true }
}

/// What is in each file.
fn all() -> Vec<Golden> {
    let mut all = vec![
        golden("unsigned", Envelope::new()),
        golden("sha256", signed(Digest::Sha256)),
        golden("sha1", signed(Digest::Sha1)),
        Golden {
            tags: vec![("users", 1), ("user:7", u64::MAX), ("größe", 0x0102)],
            ..golden("tags", Envelope::new())
        },
        Golden {
            tags: vec![("users", 7)],
            head: Head { expires: u64::MAX, fresh_until: u64::MAX, ..head() },
            ..golden("signed_tags_forever", signed(Digest::Sha256))
        },
        Golden {
            head: Head { kind: Kind::Absent, ..head() },
            payload: Vec::new(),
            ..golden("absent", Envelope::new())
        },
        Golden { head: Head { kind: Kind::Failed, ..head() }, ..golden("failed", Envelope::new()) },
    ];
    for name in ["lz4", "zstd"] {
        if let Ok(how) = name.parse() {
            all.push(Golden {
                payload: b"one row of many, ".repeat(40),
                sealed_alike: false,
                ..golden(name, Envelope::new().compressed(how))
            });
        }
    }
    all
}

const KEY: &str = "user:7";

const BROKEN: &str = "an entry stored by an earlier build is not what this build stores: the format has changed. Put \
     it back as it was, or raise VERSION in cache-core/src/envelope/layout.rs and write files for the new version";

fn read(golden: &Golden) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/envelope/v1/{}.bin", golden.file));
    if !path.exists() && std::env::var("MACADAMIA_GOLDEN").is_ok_and(|value| value == "write") {
        let sealed = golden.envelope.seal(KEY, &golden.head, &golden.tags, &golden.payload).unwrap();
        std::fs::write(&path, sealed).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

#[test]
fn what_was_stored_by_the_first_build_is_read_by_this_one() {
    for golden in all() {
        let opened = golden.envelope.open(KEY, &read(&golden));
        let opened = opened.unwrap_or_else(|why| panic!("{}.bin: {why}; {BROKEN}", golden.file));
        let tags: Vec<(Key, u64)> =
            golden.tags.iter().map(|(tag, nonce)| (Key::from(*tag), *nonce)).collect();
        assert_eq!((opened.head, opened.tags), (golden.head, tags), "{}.bin: {BROKEN}", golden.file);
        assert_eq!(opened.payload, golden.payload, "{}.bin: {BROKEN}", golden.file);
    }
}

#[test]
fn what_this_build_stores_is_what_the_first_one_stored_to_the_byte() {
    for golden in all().into_iter().filter(|golden| golden.sealed_alike) {
        let sealed = golden.envelope.seal(KEY, &golden.head, &golden.tags, &golden.payload).unwrap();
        assert!(sealed == read(&golden), "{}.bin: {BROKEN}", golden.file);
    }
}

#[test]
fn every_file_is_in_the_table() {
    let known: Vec<String> = all().iter().map(|golden| format!("{}.bin", golden.file)).collect();
    let all_features = cfg!(all(feature = "lz4", feature = "zstd"));
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envelope/v1")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name) || !all_features, "nobody says what {name} is");
    }
}
