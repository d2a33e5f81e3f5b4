//! What serde's attributes make of a type.
#![expect(dead_code, reason = "no value is made")]

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::Deserializer;

use super::*;

#[test]
fn renamed_parts_have_their_new_names() {
    #[derive(Deserialize)]
    #[serde(rename = "Other", rename_all = "camelCase")]
    struct Renamed {
        first_name: u8,
        #[serde(rename = "x")]
        second: u8,
    }
    #[derive(Deserialize)]
    enum Kind {
        #[serde(rename = "a")]
        A,
        B,
    }
    assert_eq!(text::<Renamed>(), "Other{firstName:u8,x:u8}");
    assert_eq!(text::<Kind>(), "enum Kind{a,B}");
}

#[test]
fn an_alias_is_a_name_and_not_a_part() {
    #[derive(Deserialize)]
    struct One {
        #[serde(alias = "b")]
        a: u8,
    }
    #[derive(Deserialize)]
    #[serde(rename = "One")]
    struct Two {
        a: u8,
        b: u8,
    }
    #[derive(Deserialize)]
    struct Three {
        #[serde(alias = "a2", alias = "a3")]
        a: u8,
        b: String,
        #[serde(alias = "d")]
        c: u8,
    }
    #[derive(Deserialize)]
    enum Kind {
        A,
        #[serde(alias = "Bee")]
        B(u8),
    }
    assert_eq!(text::<One>(), "One{a:u8,b:u8;1}");
    assert_eq!(text::<Two>(), "One{a:u8,b:u8}");
    assert_eq!(text::<Three>(), "Three{a:u8,a2:u8,a3:u8,b:str,c:u8,d:u8;3}");
    assert_eq!(text::<Kind>(), "enum Kind{A,B(u8),Bee(u8);2}");
}

#[test]
fn a_default_does_not_matter_and_what_is_skipped_is_not_there() {
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Defaults {
        a: u8,
        #[serde(default)]
        b: Option<u8>,
        #[serde(skip)]
        c: HashMap<u8, u8>,
    }
    #[derive(Deserialize)]
    enum Kind {
        A,
        #[serde(skip)]
        B(u8),
        C,
    }
    assert_eq!(text::<Defaults>(), "Defaults{a:u8,b:?u8}");
    assert_eq!(text::<Kind>(), "enum Kind{A,C}");
}

#[test]
fn what_another_function_reads_is_what_it_reads() {
    fn as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
    mod pairs {
        pub(super) fn deserialize<'de, D: super::Deserializer<'de>>(
            deserializer: D,
        ) -> Result<super::HashMap<u8, u8>, D::Error> {
            let pairs: Vec<(u8, u8)> = super::Deserialize::deserialize(deserializer)?;
            Ok(pairs.into_iter().collect())
        }
    }
    #[derive(Deserialize)]
    struct Holder {
        #[serde(deserialize_with = "as_text")]
        number: u8,
        #[serde(with = "pairs")]
        pairs: HashMap<u8, u8>,
    }
    #[derive(Deserialize)]
    struct Tuple(#[serde(deserialize_with = "as_text")] u8, u16);
    assert_eq!(text::<Holder>(), "Holder{number:str,pairs:[(u8*2)]}");
    assert_eq!(text::<Tuple>(), "Tuple(str,u16)");
}

#[test]
fn a_transparent_type_is_what_it_holds() {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Id(u64);
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Names {
        all: Vec<String>,
    }
    assert_eq!(text::<Id>(), "u64");
    assert_eq!(text::<Names>(), "[str]");
}

#[test]
fn a_type_made_from_another_is_the_other() {
    #[derive(Deserialize)]
    #[serde(from = "(u8, String)")]
    struct Made;
    impl From<(u8, String)> for Made {
        fn from(_: (u8, String)) -> Self {
            Self
        }
    }
    /// An even number.
    #[derive(Deserialize)]
    #[serde(try_from = "u8")]
    struct Even;
    impl TryFrom<u8> for Even {
        type Error = &'static str;
        fn try_from(number: u8) -> Result<Self, &'static str> {
            if number.is_multiple_of(2) { Ok(Self) } else { Err("odd") }
        }
    }
    assert_eq!(text::<Made>(), "(u8,str)");
    // A value is made up until the first part takes one.
    assert_eq!(text::<(Even, u16)>(), "(u8,u16)");
    assert_eq!(text::<HashMap<String, Vec<Even>>>(), "{str:[u8]}");
}

#[test]
fn flattened_fields_are_not_told() {
    #[derive(Deserialize)]
    struct Inner {
        b: u8,
    }
    #[derive(Deserialize)]
    struct Outer {
        a: u8,
        #[serde(flatten)]
        inner: Inner,
    }
    let schema = Schema::of::<(Outer, u8)>();
    assert_eq!(schema.text(), "({name:any},opaque)");
    assert!(schema.is_opaque());
}

#[test]
fn an_untagged_enum_takes_anything() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Text(String),
    }
    let schema = Schema::of::<Vec<Either>>();
    assert_eq!(schema.text(), "[any]");
    assert!(schema.is_opaque());
}

#[test]
fn an_internally_tagged_enum_takes_anything() {
    #[derive(Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        A { x: u8 },
        B,
    }
    assert_eq!(text::<Tagged>(), "any");
}

#[test]
fn an_adjacently_tagged_enum_tells_its_tags() {
    #[derive(Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Tagged {
        A(u8),
        B(String),
    }
    let schema = Schema::of::<Tagged>();
    assert_eq!(schema.text(), "Tagged{t:enum Tagged{A,B},c:any}");
    assert!(schema.is_opaque());
}

#[test]
fn a_variant_for_all_others_is_one_of_the_variants() {
    #[derive(Deserialize)]
    enum Kind {
        A,
        B(u8),
        #[serde(other)]
        Other,
    }
    assert_eq!(text::<Kind>(), "enum Kind{A,B(u8),Other}");
}

#[test]
fn a_json_value_takes_anything() {
    assert_eq!(text::<serde_json::Value>(), "any");
    assert_eq!(text::<serde_json::Map<String, serde_json::Value>>(), "{str:any}");
    assert_eq!(text::<serde::de::IgnoredAny>(), "ignored");
}
