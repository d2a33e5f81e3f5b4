//! A `Deserialize` written by hand may do what it likes.

use std::cell::Cell;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::*;

/// A type whose visitor is told in its methods, and how it is asked.
macro_rules! odd {
    ($name:ident, |$deserializer:ident| $result:expr) => {
        struct $name;

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>($deserializer: D) -> Result<Self, D::Error> {
                $result
            }
        }
    };
    ($name:ident, |$deserializer:ident, $visitor:ident| $ask:expr, {}) => {
        odd!($name, |$deserializer, $visitor| $ask, { fn visit_none<E>(self) -> Result<$name, E> { Ok($name) } } '_);
    };
    ($name:ident, |$deserializer:ident, $visitor:ident| $ask:expr, { $($method:tt)* }) => {
        odd!($name, |$deserializer, $visitor| $ask, { $($method)* } 'de 'de);
    };
    ($name:ident, |$deserializer:ident, $visitor:ident| $ask:expr, { $($method:tt)* } $lifetime:lifetime $($de:lifetime)?) => {
        struct $name;

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>($deserializer: D) -> Result<Self, D::Error> {
                struct $visitor;

                impl$(<$de>)? Visitor<$lifetime> for $visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(stringify!($name))
                    }

                    $($method)*
                }

                $ask
            }
        }
    };
}

fn in_a_struct<T: DeserializeOwned>() -> String {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "no value is made")]
    struct Around<T> {
        before: u8,
        it: T,
        after: u8,
    }
    text::<Around<T>>()
}

#[test]
fn what_reads_nothing_takes_nothing() {
    odd!(Idle, |_deserializer| Ok(Idle));
    odd!(Failing, |_deserializer| Err(de::Error::custom("never")));
    assert_eq!(text::<Idle>(), "nothing");
    assert_eq!(text::<(Idle, Vec<Idle>, u8)>(), "(nothing,[nothing],u8)");
    assert_eq!(in_a_struct::<Failing>(), "Around{before:u8,it:opaque,after:u8}");
    assert!(Schema::of::<Vec<Idle>>().needs_names().is_some());
}

#[test]
fn a_loop_until_the_end_ends() {
    odd!(Loops, |deserializer, Until| deserializer.deserialize_seq(Until), {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loops, A::Error> {
            loop {
                if let Ok(None) = seq.next_element::<u8>() {
                    return Ok(Loops);
                }
            }
        }
    });
    odd!(LoopsOnKeys, |deserializer, Until| deserializer.deserialize_map(Until), {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LoopsOnKeys, A::Error> {
            loop {
                if let Ok(None) = map.next_entry::<String, u8>() {
                    return Ok(LoopsOnKeys);
                }
            }
        }
    });
    odd!(LoopsOnFields, |deserializer, Until| deserializer.deserialize_struct("L", &["a", "b"], Until), {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LoopsOnFields, A::Error> {
            loop {
                match map.next_key::<String>() {
                    Ok(None) => return Ok(LoopsOnFields),
                    Ok(Some(_)) => drop(map.next_value::<u8>()),
                    Err(_) => {}
                }
            }
        }
    });
    odd!(LoopsOnParts, |deserializer, Until| deserializer.deserialize_tuple(3, Until), {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<LoopsOnParts, A::Error> {
            loop {
                if let Ok(None) = seq.next_element::<Vec<u8>>() {
                    return Ok(LoopsOnParts);
                }
            }
        }
    });
    assert_eq!(in_a_struct::<Loops>(), "Around{before:u8,it:[u8],after:u8}");
    assert_eq!(in_a_struct::<LoopsOnKeys>(), "Around{before:u8,it:{str:u8},after:u8}");
    assert_eq!(in_a_struct::<LoopsOnFields>(), "Around{before:u8,it:L{a:u8,b:u8},after:u8}");
    assert_eq!(in_a_struct::<LoopsOnParts>(), "Around{before:u8,it:([u8]*3),after:u8}");
}

#[test]
fn an_error_that_is_swallowed_hides_nothing() {
    odd!(Lenient, |deserializer| Ok(u8::deserialize(deserializer).map_or(Lenient, |_| Lenient)));
    assert_eq!(in_a_struct::<Lenient>(), "Around{before:u8,it:u8,after:u8}");
    assert_eq!(text::<(Lenient, u16, Vec<Lenient>)>(), "(u8,u16,[u8])");
    assert_eq!(text::<HashMap<String, (Lenient, u8)>>(), "{str:(u8*2)}");
}

#[test]
fn a_struct_that_takes_no_fields_is_asked_as_a_sequence() {
    odd!(Pair, |deserializer, Two| deserializer.deserialize_struct("Pair", &["a", "b"], Two), {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pair, A::Error> {
            seq.next_element::<u8>()?;
            seq.next_element::<Vec<String>>()?;
            Ok(Pair)
        }
    });
    assert_eq!(in_a_struct::<Pair>(), "Around{before:u8,it:Pair{a:u8,b:[str]},after:u8}");
}

#[test]
fn a_struct_that_takes_neither_is_opaque() {
    odd!(Shy, |deserializer, Visits| deserializer.deserialize_struct("Shy", &["a", "b"], Visits), {});
    let schema = Schema::of::<(Shy, u8)>();
    assert_eq!(schema.text(), "(Shy{a:opaque,b:opaque},opaque)");
    assert!(schema.is_opaque() && schema.is_recursive());
}

#[test]
fn a_field_that_is_not_taken_is_opaque_and_the_others_are_not() {
    odd!(Some, |deserializer, Takes| deserializer.deserialize_struct("Some", &["a", "b", "c"], Takes), {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Some, A::Error> {
            match map.next_key::<String>()?.as_deref() {
                Option::Some("a") => map.next_value::<u8>().map(drop)?,
                Option::Some("c") => map.next_value::<u16>().map(drop)?,
                _ => return Err(de::Error::custom("what is that?")),
            }
            Ok(Some)
        }
    });
    assert_eq!(text::<Some>(), "Some{a:u8,b:opaque,c:u16}");
}

#[test]
fn a_variant_may_be_known_by_its_index_alone() {
    struct Index;
    impl<'de> Deserialize<'de> for Index {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u32::deserialize(deserializer).map(|_| Self)
        }
    }
    odd!(Kind, |deserializer, One| deserializer.deserialize_enum("Kind", &["A", "B"], One), {
        fn visit_enum<A: de::EnumAccess<'de>>(self, data: A) -> Result<Kind, A::Error> {
            let (_, variant) = data.variant::<Index>()?;
            de::VariantAccess::newtype_variant::<u8>(variant).map(|_| Kind)
        }
    });
    odd!(Closed, |deserializer, One| deserializer.deserialize_enum("Closed", &["A", "B"], One), {
        fn visit_enum<A: de::EnumAccess<'de>>(self, _: A) -> Result<Closed, A::Error> {
            Err(de::Error::custom("closed"))
        }
    });
    odd!(Hidden, |deserializer, One| deserializer.deserialize_enum("Hidden", &[], One), {});
    assert_eq!(text::<Kind>(), "enum Kind{A(u8),B(u8)}");
    assert_eq!(text::<Closed>(), "enum Closed{Aopaque,Bopaque}");
    assert!(Schema::of::<Hidden>().is_opaque());
}

#[test]
fn what_comes_after_a_value_that_cannot_be_made_up_is_opaque() {
    #[derive(Deserialize, PartialEq, Eq, Hash)]
    #[serde(try_from = "String")]
    struct Picky;
    impl TryFrom<String> for Picky {
        type Error = &'static str;
        fn try_from(_: String) -> Result<Self, &'static str> {
            Err("never")
        }
    }
    assert_eq!(in_a_struct::<Picky>(), "Around{before:u8,it:str,after:u8}");
    let schema = Schema::of::<(u8, Picky, u8, u8)>();
    assert_eq!((schema.text(), schema.is_opaque()), ("(u8,str,opaque*2)", true));
    assert_eq!(text::<HashMap<Picky, u8>>(), "{str:opaque}");
}

#[test]
fn a_panic_at_a_made_up_value_is_not_passed_on() {
    #[derive(Deserialize)]
    #[serde(from = "String")]
    struct Trusting;
    impl From<String> for Trusting {
        fn from(text: String) -> Self {
            PANICS.set(PANICS.get() + 1);
            assert!(text.starts_with("sk_"), "keys start with sk_");
            Self
        }
    }
    thread_local!(static PANICS: Cell<u8> = const { Cell::new(0) });
    assert_eq!(in_a_struct::<Trusting>(), "Around{before:u8,it:str,after:u8}");
    assert_eq!(PANICS.get(), 0);
    assert_eq!(text::<(Trusting, u8)>(), "(str,opaque)");
    assert_eq!(PANICS.get(), 1);
}

#[test]
fn a_made_up_address_or_number_is_found() {
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Url;
    impl TryFrom<String> for Url {
        type Error = &'static str;
        fn try_from(text: String) -> Result<Self, &'static str> {
            if text.starts_with("http://") { Ok(Self) } else { Err("no scheme") }
        }
    }
    assert_eq!(text::<(Url, Option<Url>, u8)>(), "(str,?str,u8)");
    assert_eq!(text::<(std::ffi::CString, u8)>(), "(bytes,u8)");
}

#[test]
fn a_made_up_value_of_a_recursive_type_ends() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "no value is made")]
    enum Expression {
        Add(Box<Expression>, Box<Expression>),
        Not(Box<Expression>),
        Number(u8),
    }
    let schema = Schema::of::<(Expression, u8)>();
    assert_eq!(schema.text(), "(enum Expression{Add(rec Expression*2),Not(rec Expression),Number(u8)},u8)",);
    assert!(!schema.is_opaque());
}

#[test]
fn what_asks_now_this_and_now_that_is_opaque() {
    thread_local!(static TURN: Cell<u8> = const { Cell::new(0) });
    struct Moody;
    impl<'de> Deserialize<'de> for Moody {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            TURN.set(TURN.get().wrapping_add(1));
            match TURN.get() % 3 {
                0 => Vec::<(u8, Moody)>::deserialize(deserializer).map(|_| Self),
                1 => <(Moody, String)>::deserialize(deserializer).map(|_| Self),
                _ => HashMap::<u8, Moody>::deserialize(deserializer).map(|_| Self),
            }
        }
    }
    assert!(Schema::of::<Moody>().is_opaque());
}
