//! What a codec that stores neither names nor kinds cannot do, and what it can.
#![expect(dead_code, reason = "no value is made")]

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Whole<T> {
    id: u64,
    user: User<T>,
}

#[derive(Deserialize)]
struct User<T> {
    name: String,
    extra: T,
}

fn reason<T: DeserializeOwned>() -> String {
    Schema::of::<Whole<T>>().needs_names().unwrap_or("none").to_owned()
}

#[test]
fn whatever_there_is_must_tell_what_it_is() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Text(String),
    }
    #[derive(Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        A { x: u8 },
    }
    let sentence = "`user.extra` takes a value of any kind, as an untagged enum does";
    assert_eq!(reason::<Either>(), sentence);
    assert_eq!(reason::<Tagged>(), sentence);
    assert_eq!(reason::<serde_json::Value>(), sentence);
    assert_eq!(reason::<serde::de::IgnoredAny>(), "`user.extra` skips a value of any kind");
    assert_eq!(
        Schema::of::<serde_json::Value>().needs_names(),
        Some("the value takes a value of any kind, as an untagged enum does"),
    );
}

#[test]
fn flattened_fields_have_names_alone() {
    #[derive(Deserialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        rest: HashMap<String, u8>,
    }
    assert_eq!(reason::<Flat>(), "`user.extra` is a map of fields, as with `flatten`");
    assert_eq!(reason::<Vec<(u8, Flat)>>(), "`user.extra[].1` is a map of fields, as with `flatten`");
}

#[test]
fn the_part_is_named_wherever_it_is() {
    #[derive(Deserialize)]
    enum Kind {
        A,
        B { x: Option<Any> },
        C(u8, Any),
    }
    type Any = serde_json::Value;
    for (reason, part) in [
        (reason::<Kind>(), "`user.extra::B.x`"),
        (reason::<(u8, [Any; 2])>(), "`user.extra.1.0`"),
        (reason::<BTreeMap<u8, Any>>(), "`user.extra{}`"),
        (reason::<BTreeMap<String, Vec<Any>>>(), "`user.extra{}[]`"),
    ] {
        assert_eq!(reason.split(" takes").next(), Some(part));
    }
}

#[test]
#[expect(clippy::zero_sized_map_values, reason = "that is what is refused")]
fn elements_without_bytes_have_no_bound() {
    #[derive(Deserialize)]
    struct Nothing;
    #[derive(Deserialize)]
    struct Nothings {
        a: (),
        b: Nothing,
        c: [(); 3],
    }
    let sentence = "the elements of `user.extra` take no bytes, so nothing bounds their number";
    assert_eq!(reason::<Vec<()>>(), sentence);
    assert_eq!(reason::<Vec<Nothings>>(), sentence);
    assert_eq!(reason::<Vec<PhantomData<u8>>>(), sentence);
    assert_eq!(reason::<BTreeMap<(), Nothing>>(), sentence);
    assert_eq!(reason::<(Vec<Option<()>>, BTreeMap<(), u8>, Vec<Result<(), ()>>, [(); 3])>(), "none");
}

#[test]
fn what_is_plain_needs_no_names() {
    #[derive(Deserialize)]
    enum Kind {
        A,
        B(u8, Option<String>),
        C { x: Vec<f64> },
    }
    assert_eq!(reason::<Kind>(), "none");
    assert_eq!(reason::<(std::net::IpAddr, std::time::Duration, [u8; 32])>(), "none");
}
