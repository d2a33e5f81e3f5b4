use std::collections::BTreeMap;
use std::fmt::Debug;

use bincode::error::{DecodeError, EncodeError};
use erased_serde::Deserializer as Erased;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::*;

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<{ 256 * 1024 * 1024 }>()
}

fn plain<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, config()).unwrap()
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    bincode::serde::encode_to_vec(Checked::new(value, &[]), config())
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    /// As whoever decodes uses it: `T` reads from an erased deserializer alone.
    struct Seed<T>(std::marker::PhantomData<T>);

    impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Seed<T> {
        type Value = T;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            let carried = Carried::default();
            let mut erased = <dyn Erased<'de>>::erase(Limited::new(deserializer, &carried));
            erased_serde::deserialize(&mut erased).map_err(D::Error::custom)
        }
    }

    let seed = Seed(std::marker::PhantomData);
    let (value, used) = bincode::serde::seed_decode_from_slice(seed, bytes, config())?;
    assert_eq!(used, bytes.len());
    Ok(value)
}

/// Stacks of threads have 2 MiB, and a build without optimization takes a good 4 KiB a level.
fn on_a_stack_of(kib: usize, run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(kib * 1024);
        thread.spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Everything {
    Unit,
    Newtype(Box<Everything>),
    Tuple(u8, Box<Everything>),
    Struct { inner: Box<Everything>, after: char },
    Plain(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64, char),
    Texts(String, Bytes, Option<String>, ()),
    Collections(Vec<Everything>, BTreeMap<u8, Everything>, [u8; 3], (u8, u16)),
    Named(Point, Wrapper, Nothing),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Point(u8, u8);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapper(Vec<u8>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nothing;

/// Bytes that are asked for as bytes.
#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl serde::de::Visitor<'_> for Buffer {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Buffer)
    }
}

fn everything() -> Vec<Everything> {
    use Everything::{Collections, Named, Newtype, Plain, Struct, Texts, Tuple, Unit};
    let plain =
        Plain(true, -1, -2, i32::MIN, i64::MAX, i128::MIN, 1, 2, 3, u64::MAX, u128::MAX, 1.5, -2.5, 'é');
    let texts = Texts("text".to_owned(), Bytes(vec![0, 255]), Some(String::new()), ());
    let many = Collections(
        vec![Unit, plain.clone()],
        BTreeMap::from([(1, Unit), (9, texts.clone())]),
        [1, 2, 3],
        (4, 500),
    );
    let deep = Struct { inner: Box::new(Tuple(3, Box::new(Newtype(Box::new(many.clone()))))), after: 'z' };
    vec![Unit, plain, texts, many, deep, Named(Point(1, 2), Wrapper(vec![3]), Nothing)]
}

#[test]
fn what_is_fenced_has_the_same_bytes_and_comes_back() {
    let value = everything();
    let bytes = encode(&value).unwrap();
    assert_eq!(bytes, plain(&value));
    assert_eq!(decode::<Vec<Everything>>(&bytes).unwrap(), value);
    let erased: &dyn erased_serde::Serialize = &value;
    assert_eq!(encode(erased).unwrap(), bytes);
}

#[test]
fn a_codec_with_names_passes_the_fences_too() {
    let value = everything();
    let fields = BTreeMap::from([("ip", "127.0.0.1".parse::<std::net::IpAddr>().unwrap())]);
    assert_eq!(
        serde_json::to_string(&Checked::new(&fields, &[])).unwrap(),
        serde_json::to_string(&fields).unwrap()
    );
    let small = &value[5..];
    let text = serde_json::to_string(&Checked::new(small, &[])).unwrap();
    assert_eq!(text, serde_json::to_string(small).unwrap());
    let mut json = serde_json::Deserializer::from_str(&text);
    let carried = Carried::default();
    let back = Vec::<Everything>::deserialize(Limited::new(&mut json, &carried)).unwrap();
    assert_eq!(back, small);
    let mut json = serde_json::Deserializer::from_str("\"::1\"");
    let ip: std::net::IpAddr = Deserialize::deserialize(Limited::new(&mut json, &carried)).unwrap();
    assert_eq!(ip, std::net::Ipv6Addr::LOCALHOST);
}

#[test]
fn a_field_that_is_left_out_is_an_error() {
    #[derive(Serialize)]
    struct User {
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip)]
        #[expect(dead_code, reason = "skipped")]
        cached: u8,
    }
    #[derive(Serialize)]
    enum Kind {
        Known(User),
        Other {
            #[serde(skip_serializing_if = "String::is_empty")]
            reason: String,
        },
    }
    let user = |name: Option<&str>| User { id: 1, name: name.map(str::to_owned), cached: 0 };
    assert_eq!(encode(&user(Some("Ada"))).unwrap(), plain(&user(Some("Ada"))));
    for (error, field) in [
        (encode(&user(None)), "name"),
        (encode(&[(0, Some(user(None)))]), "name"),
        (encode(&BTreeMap::from([(0, Kind::Known(user(None)))])), "name"),
        (encode(&Kind::Other { reason: String::new() }), "reason"),
    ] {
        assert_eq!(
            error.unwrap_err().to_string(),
            // As bincode tells it.
            format!(
                "OtherString({:?})",
                format!(
                    "`{field}` is left out by `skip_serializing_if`, and a codec without names cannot tell"
                )
            ),
        );
    }
    assert!(encode(&Kind::Other { reason: "none".to_owned() }).is_ok());
}

/// Each of the ways in which values are within each other, `depth` of them around a plain one.
mod nested {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub(super) struct Options(pub(super) Option<Box<Options>>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub(super) struct Sequences(pub(super) Vec<Sequences>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub(super) struct Maps(pub(super) BTreeMap<u8, Maps>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) enum Variants {
        End,
        Newtype(Box<Variants>),
        Tuple(Box<Variants>, u8),
        Struct { inner: Box<Variants> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Structs {
        pub(super) inner: Option<Box<Structs>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Newtypes(pub(super) Vec<Newtypes>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Tuples(pub(super) u8, pub(super) Option<Box<Tuples>>);

    /// `depth` values within each other.
    pub(super) fn of<T>(depth: usize, end: T, around: impl Fn(usize, T) -> T) -> T {
        (0..depth).fold(end, |value, level| around(level, value))
    }
}

/// What has `MAX_DEPTH` levels comes back; what has more is neither written nor read.
fn holds_up_to_the_limit<T: Serialize + DeserializeOwned + PartialEq + Debug>(most: &T, more: &T) {
    let bytes = encode(most).unwrap();
    assert_eq!(&decode::<T>(&bytes).unwrap(), most);
    let sentence = "more than 128 values are within each other";
    assert!(encode(more).unwrap_err().to_string().contains(sentence));
    assert!(decode::<T>(&plain(more)).unwrap_err().to_string().contains(sentence));
}

#[test]
fn as_many_levels_are_read_as_are_written() {
    use nested::{Maps, Newtypes, Options, Sequences, Structs, Tuples, Variants, of};
    on_a_stack_of(1024, || {
        let depth = usize::from(MAX_DEPTH);
        let options = |depth| of(depth, Options(None), |_, inner| Options(Some(Box::new(inner))));
        holds_up_to_the_limit(&options(depth), &options(depth + 1));
        let sequences = |depth| of(depth - 1, Sequences(vec![]), |_, inner| Sequences(vec![inner]));
        holds_up_to_the_limit(&sequences(depth), &sequences(depth + 1));
        let maps =
            |depth| of(depth - 1, Maps(BTreeMap::new()), |_, inner| Maps(BTreeMap::from([(0, inner)])));
        holds_up_to_the_limit(&maps(depth), &maps(depth + 1));
        let variants = |depth| {
            of(depth, Variants::End, |level, inner| match level % 3 {
                0 => Variants::Newtype(Box::new(inner)),
                1 => Variants::Tuple(Box::new(inner), 1),
                _ => Variants::Struct { inner: Box::new(inner) },
            })
        };
        for more in 1..4 {
            holds_up_to_the_limit(&variants(depth), &variants(depth + more));
        }
        // Two levels each.
        let half = depth / 2 - 1;
        let structs =
            |depth| of(depth, Structs { inner: None }, |_, inner| Structs { inner: Some(Box::new(inner)) });
        holds_up_to_the_limit(&structs(half), &structs(half + 1));
        let newtypes = |depth| of(depth, Newtypes(vec![]), |_, inner| Newtypes(vec![inner]));
        holds_up_to_the_limit(&newtypes(half), &newtypes(half + 1));
        let tuples = |depth| of(depth, Tuples(0, None), |_, inner| Tuples(0, Some(Box::new(inner))));
        holds_up_to_the_limit(&tuples(half), &tuples(half + 1));
    });
}

#[test]
fn a_megabyte_of_levels_is_an_error_and_no_end_of_the_stack() {
    use nested::{Maps, Newtypes, Options, Sequences, Structs, Tuples, Variants};
    let bytes = vec![1; 1 << 20];
    on_a_stack_of(512, || {
        assert!(decode::<Options>(&bytes).is_err());
        assert!(decode::<Structs>(&bytes).is_err());
        assert!(decode::<Sequences>(&bytes).is_err());
        assert!(decode::<Newtypes>(&bytes).is_err());
        assert!(decode::<Tuples>(&bytes).is_err());
    });
    on_a_stack_of(1024, || {
        assert!(decode::<Maps>(&bytes).is_err());
        assert!(decode::<Everything>(&bytes).is_err());
        for variant in 1..4 {
            assert!(decode::<Variants>(&vec![variant; 1 << 20]).is_err());
        }
    });
}

#[test]
fn an_error_far_down_is_told_as_it_is() {
    use nested::{Sequences, of};
    on_a_stack_of(1024, || {
        // The last of a hundred sequences has an element that is not there.
        let error = decode::<Sequences>(&[1; 100]).unwrap_err().to_string();
        assert!(error.contains("UnexpectedEnd") && error.len() < 100, "{error}");
        let deep = of(200, Sequences(vec![]), |_, inner| Sequences(vec![inner]));
        let deep: &dyn erased_serde::Serialize = &deep;
        let error = encode(deep).unwrap_err().to_string();
        assert!(error.contains("more than 128 values") && error.len() < 100, "{error}");
    });
}

#[test]
fn what_a_type_refuses_is_told_as_it_said_it() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "u8")]
    struct Even;
    impl TryFrom<u8> for Even {
        type Error = &'static str;
        fn try_from(number: u8) -> Result<Self, &'static str> {
            if number.is_multiple_of(2) { Ok(Self) } else { Err("an odd number") }
        }
    }
    let error = decode::<Vec<(u8, Option<Even>)>>(&[1, 5, 1, 7]).unwrap_err().to_string();
    assert!(error.contains("an odd number") && !error.contains('\\'), "{error}");
    assert_eq!(decode::<Vec<(u8, Option<Even>)>>(&[1, 5, 1, 8]).unwrap().len(), 1);
}

#[test]
fn a_variant_that_is_read_by_another_number_is_an_error() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        First,
        #[serde(skip)]
        _Hidden,
        Second(u8),
        Third,
    }
    let enums = crate::schema::Schema::of::<Kind>();
    let encode = |kind: &Kind| bincode::serde::encode_to_vec(Checked::new(kind, enums.enums()), config());
    assert!(encode(&Kind::First).is_ok());
    for kind in [Kind::Second(7), Kind::Third] {
        let message = encode(&kind).unwrap_err().to_string();
        assert!(message.contains("is written by another number than it is read by"), "{message}");
    }
}
