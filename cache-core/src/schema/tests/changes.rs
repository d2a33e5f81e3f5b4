//! Whatever changes in a type changes its fingerprint.
#![expect(dead_code, reason = "no value is made")]

use std::collections::{BTreeMap, HashSet};

use super::*;

/// One shape a line: the types are called the same in each.
macro_rules! shapes {
    ($($(#[$attribute:meta])* { $($definition:tt)* })*) => {
        [$({
            use serde::Deserialize;
            $($definition)*
            Schema::of::<Whole>()
        }),*]
    };
}

#[test]
fn every_change_of_a_struct_is_seen_wherever_it_is() {
    macro_rules! structs {
        ($({ $($fields:tt)* })*) => {
            shapes! { $({
                #[derive(Deserialize)]
                struct Inner { $($fields)* }
                #[derive(Deserialize)]
                enum Kind { Unit, One(Inner), Two(u8, Inner), Named { inner: Inner } }
                #[derive(Deserialize)]
                struct Whole {
                    inner: Inner,
                    many: Vec<Inner>,
                    maybe: Option<Inner>,
                    tuple: (u8, Inner),
                    map: BTreeMap<String, Inner>,
                    kind: Kind,
                }
            })* }
        };
    }
    let schemas = structs! {
        { a: u8, b: u8 }
        { b: u8, a: u8 }
        { a: u8, c: u8 }
        { a: u8 }
        {}
        { a: u8, b: u8, c: u8 }
        { a: u8, #[serde(default)] c: u8, b: u8 }
        { a: u16, b: u8 }
        { a: u8, b: i8 }
        { a: u8, b: Option<u8> }
        { a: u8, b: Vec<u8> }
        { a: u8, b: (u8,) }
        { a: u8, b: [u8; 1], c: u8 }
        { a: u8, #[serde(rename = "d")] b: u8 }
        { a: u8, #[serde(alias = "d")] b: u8 }
        { a: u8, b: String }
        { a: u8, b: char }
    };
    differ(&schemas);
    for schema in &schemas {
        assert!(!schema.is_opaque() && !schema.is_recursive(), "{schema}");
        assert_eq!(schema.needs_names().is_some(), schema.text().contains("[Inner{}]"), "{schema}");
    }
}

#[test]
fn a_change_in_one_place_alone_is_seen() {
    macro_rules! places {
        ($($place:ty),* $(,)?) => {
            shapes! { $({
                #[derive(Deserialize)]
                struct Old { a: u8, b: u8 }
                #[derive(Deserialize)]
                #[serde(rename = "Old")]
                struct New { b: u8, a: u8 }
                #[derive(Deserialize)]
                struct Whole($place);
            })* }
        };
    }
    differ(&places![
        Old,
        New,
        Vec<Old>,
        Vec<New>,
        Option<Old>,
        Option<New>,
        BTreeMap<u8, Old>,
        BTreeMap<u8, New>,
        (Old, u8),
        (New, u8),
        (u8, Old),
        (u8, New),
        [Old; 3],
        [New; 3],
        [Old; 4],
        (Old, New),
        (New, Old),
        Result<u8, Old>,
        Result<u8, New>,
        Result<Old, u8>,
        Vec<Vec<Option<(u8, Old)>>>,
        Vec<Vec<Option<(u8, New)>>>,
    ]);
}

#[test]
fn every_change_of_an_enum_is_seen() {
    macro_rules! enums {
        ($({ $($variants:tt)* })*) => {
            shapes! { $({
                #[derive(Deserialize)]
                enum Whole { $($variants)* }
            })* }
        };
    }
    differ(&enums! {
        { A, B }
        { B, A }
        { A, C }
        { A }
        { A, B, C }
        { A, #[serde(alias = "C")] B }
        { A, B(u8) }
        { A, B(u16) }
        { A(u8), B }
        { A, B(u8, u8) }
        { A, B(u8, u16) }
        { A, B { x: u8 } }
        { A, B { y: u8 } }
        { A, B { x: u8, y: u8 } }
        { A, B { y: u8, x: u8 } }
        { A, B { x: u16, y: u8 } }
        { A, B((u8, u8)) }
        { A, B(()) }
        { A, B(Option<u8>) }
    });
}

#[test]
fn what_is_called_another_is_another() {
    differ(&shapes! {
        { #[derive(Deserialize)] struct Whole(u8); }
        { #[derive(Deserialize)] #[serde(rename = "Other")] struct Whole(u8); }
        { #[derive(Deserialize)] #[serde(transparent)] struct Whole(u8); }
        { #[derive(Deserialize)] struct Whole { a: u8 } }
        { #[derive(Deserialize)] #[serde(rename = "Other")] struct Whole { a: u8 } }
        { #[derive(Deserialize)] struct Whole; }
        { #[derive(Deserialize)] struct Whole {} }
        { #[derive(Deserialize)] enum Whole { A } }
        { #[derive(Deserialize)] #[serde(rename = "Other")] enum Whole { A } }
    });
}

#[test]
fn what_does_not_change_the_bytes_changes_nothing() {
    let same = shapes! {
        { #[derive(Deserialize)] struct Whole { a: u8, b: String } }
        { #[derive(Deserialize)] struct Whole { a: u8, b: Box<str>, #[serde(skip)] c: u8 } }
        { #[derive(Deserialize)] #[serde(deny_unknown_fields)] struct Whole { a: Box<u8>, b: String } }
        {
            #[derive(Deserialize)]
            struct Whole {
                #[serde(default)]
                a: u8,
                b: std::path::PathBuf,
            }
        }
    };
    assert!(same.iter().all(|schema| *schema == same[0]), "{same:?}");
}

#[test]
fn a_shape_is_the_same_each_time() {
    type Whole = BTreeMap<String, Result<(u8, Vec<Option<String>>), std::net::IpAddr>>;
    assert_eq!(Schema::of::<Whole>(), Schema::of::<Whole>());
}

fn differ(schemas: &[Schema]) {
    let texts: HashSet<_> = schemas.iter().map(Schema::text).collect();
    let fingerprints: HashSet<_> = schemas.iter().map(Schema::fingerprint).collect();
    assert_eq!((texts.len(), fingerprints.len()), (schemas.len(), schemas.len()), "{texts:#?}");
}
