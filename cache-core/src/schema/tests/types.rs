//! The types everybody uses.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI8, NonZeroU32};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::*;

#[test]
fn numbers_and_texts_are_what_they_are() {
    assert_eq!(text::<bool>(), "bool");
    assert_eq!(text::<(i8, i16, i32, i64, i128, isize)>(), "(i8,i16,i32,i64,i128,i64)");
    assert_eq!(text::<(u8, u16, u32, u64, u128, usize)>(), "(u8,u16,u32,u64,u128,u64)");
    assert_eq!(text::<(f32, f64, char)>(), "(f32,f64,char)");
    assert_eq!(text::<(String, Box<str>, Cow<'static, str>, PathBuf)>(), "(str*4)");
    assert_eq!(text::<(NonZeroU32, NonZeroI8, u8)>(), "(u32,i8,u8)");
}

#[test]
fn what_holds_one_value_is_that_value() {
    assert_eq!(text::<Box<u8>>(), "u8");
    assert_eq!(text::<Cow<'static, u8>>(), "u8");
    assert_eq!(text::<Box<[u8]>>(), "[u8]");
    assert_eq!(text::<std::cell::Cell<u8>>(), "u8");
    assert_eq!(text::<std::sync::Mutex<u8>>(), "u8");
    assert_eq!(text::<std::num::Wrapping<u8>>(), "u8");
    assert_eq!(text::<Option<Option<u8>>>(), "??u8");
}

/// `Arc` only deserializes with a feature of serde that not everybody has.
#[test]
fn a_shared_value_is_that_value() {
    struct Shared(#[expect(dead_code, reason = "it is as large as one")] std::sync::Arc<str>);
    impl<'de> Deserialize<'de> for Shared {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(String::deserialize(deserializer)?.into()))
        }
    }
    assert_eq!(text::<(Shared, u8)>(), "(str,u8)");
}

#[test]
fn collections_are_sequences_and_maps() {
    assert_eq!(text::<Vec<u8>>(), "[u8]");
    assert_eq!(text::<VecDeque<Vec<u8>>>(), "[[u8]]");
    assert_eq!(text::<HashSet<String>>(), "[str]");
    assert_eq!(text::<BTreeSet<(u8, char)>>(), "[(u8,char)]");
    assert_eq!(text::<HashMap<String, u64>>(), "{str:u64}");
    assert_eq!(text::<BTreeMap<(u8, Option<u8>), Vec<String>>>(), "{(u8,?u8):[str]}");
    assert_eq!(text::<BTreeMap<NonZeroU32, BTreeMap<char, bool>>>(), "{u32:{char:bool}}");
}

#[test]
fn tuples_and_arrays_count_what_repeats() {
    assert_eq!(text::<(u8,)>(), "(u8,)");
    assert_eq!(text::<(u8, u8, String, u8)>(), "(u8*2,str,u8)");
    assert_eq!(text::<[u8; 32]>(), "(u8*32)");
    assert_eq!(text::<[u8; 0]>(), "()");
    assert_eq!(text::<[[u16; 4]; 3]>(), "((u16*4)*3)");
    assert_eq!(text::<[Option<u8>; 2]>(), "(?u8*2)");
}

/// As the crates for long arrays do it.
struct Long<const N: usize>;

impl<'de, const N: usize> Deserialize<'de> for Long<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Array<N> {
            type Value = Long<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Long<N>, A::Error> {
                for index in 0..N {
                    let byte: Option<u8> = seq.next_element()?;
                    byte.ok_or_else(|| serde::de::Error::invalid_length(index, &self))?;
                }
                Ok(Long)
            }
        }
        deserializer.deserialize_tuple(N, Array)
    }
}

#[test]
fn a_long_array_takes_one_run() {
    assert_eq!(text::<Long<64>>(), "(u8*64)");
    assert_eq!(text::<(Long<4096>, u8)>(), "((u8*4096),u8)");
}

#[test]
fn an_array_beyond_all_bounds_is_opaque() {
    let schema = Schema::of::<Long<1_000_000>>();
    assert_eq!((schema.text(), schema.is_opaque()), ("opaque", true));
}

struct Bytes;

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl Visitor<'_> for Buffer {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, _: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes)
            }
        }
        deserializer.deserialize_byte_buf(Buffer)
    }
}

#[test]
fn bytes_are_bytes() {
    assert_eq!(text::<Bytes>(), "bytes");
    assert_eq!(text::<(Bytes, u8)>(), "(bytes,u8)");
}

#[test]
fn what_takes_nothing_says_so() {
    #[derive(Deserialize)]
    struct Unit;
    #[derive(Deserialize)]
    struct Braces {}
    #[derive(Deserialize)]
    struct Empty();
    assert_eq!(text::<()>(), "unit");
    assert_eq!(text::<PhantomData<u8>>(), "unit PhantomData");
    assert_eq!(text::<(Unit, Braces, Empty, u8)>(), "(unit Unit,Braces{},Empty(),u8)");
}

#[test]
fn times_and_addresses_are_as_serde_has_them() {
    assert_eq!(text::<Duration>(), "Duration{secs:u64,nanos:u32}");
    assert_eq!(text::<SystemTime>(), "SystemTime{secs_since_epoch:u64,nanos_since_epoch:u32}");
    assert_eq!(text::<(Duration, SystemTime, u8)>(), {
        "(Duration{secs:u64,nanos:u32},SystemTime{secs_since_epoch:u64,nanos_since_epoch:u32},u8)"
    });
    assert_eq!(text::<std::ops::Range<u8>>(), "Range{start:u8,end:u8}");
    assert_eq!(text::<IpAddr>(), "enum IpAddr{V4((u8*4)),V6((u8*16))}");
    assert_eq!(text::<(IpAddr, u8)>(), "(enum IpAddr{V4((u8*4)),V6((u8*16))},u8)");
    assert_eq!(text::<SocketAddr>(), "enum SocketAddr{V4(((u8*4),u16)),V6(((u8*16),u16))}",);
    assert_eq!(text::<Result<u8, String>>(), "enum Result{Ok(u8),Err(str)}");
}

#[test]
fn structs_and_enums_are_told_by_their_names() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct User {
        id: u64,
        name: String,
        tags: Vec<Tag>,
        at: (u32, u8),
        kind: Kind,
        parent: Option<Box<User>>,
    }
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Tag(String);
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Point(u8, u16);
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    enum Kind {
        A,
        B(u8),
        C { x: u8 },
        D(Point, ()),
    }
    assert_eq!(
        text::<User>(),
        "User{id:u64,name:str,tags:[Tag(str)],at:(u32,u8),\
         kind:enum Kind{A,B(u8),C{x:u8},D(Point(u8,u16),unit)},parent:?rec User}",
    );
}

#[test]
fn a_generic_is_told_with_its_arguments() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Page<T> {
        items: Vec<T>,
        next: Option<u64>,
    }
    assert_eq!(text::<Page<u8>>(), "Page{items:[u8],next:?u64}");
    assert_eq!(text::<Page<Page<String>>>(), "Page{items:[Page{items:[str],next:?u64}],next:?u64}");
    assert!(!Schema::of::<Page<Page<Page<u8>>>>().is_recursive());
    assert_ne!(text::<Page<Page<Page<u8>>>>(), text::<Page<Page<Page<u16>>>>());
}

#[test]
fn names_do_not_pass_for_shapes() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct One {
        #[serde(rename = "a:u8,b")]
        a: u8,
        #[serde(rename = "say \"é\" \\")]
        c: u8,
    }
    assert_eq!(text::<One>(), r#"One{"a:u8,b":u8,"say \"é\" \\":u8}"#);
}

/// Whoever changes these makes every value that is stored a miss.
#[test]
fn fingerprints_stay_what_they_are() {
    type Listed = Option<Vec<(String, [u8; 4])>>;
    type Map = HashMap<String, Result<Duration, IpAddr>>;
    // As `printf '%s' "$text" | sha256sum` tells them.
    assert_eq!(Schema::of::<u64>().fingerprint(), 0x1506_e6f4_4c1d_6291);
    assert_eq!(Schema::of::<Listed>().fingerprint(), 0xb3ed_e3ad_29f8_b4f2);
    assert_eq!(Schema::of::<Map>().fingerprint(), 0x4bfc_f927_2d2a_c147);
}
