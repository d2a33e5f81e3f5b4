//! A `Deserialize` that does whatever comes to mind.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::*;

/// What a made-up `Deserialize` does next.
#[derive(Debug, Clone)]
enum Act {
    Ask(u8),
    Swallow,
    Fail,
}

thread_local!(static SCRIPT: Cell<(u64, u32)> = const { Cell::new((0, 0)) });

fn draw(below: u64) -> u64 {
    SCRIPT.with(|script| {
        let (state, count) = script.get();
        let next = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        script.set((next, count.saturating_add(1)));
        (next >> 33) % below
    })
}

fn act() -> Act {
    match draw(12) {
        0 => Act::Fail,
        1 => Act::Swallow,
        _ => Act::Ask(u8::try_from(draw(16)).unwrap_or(0)),
    }
}

/// Whatever comes to mind, another thing each time.
struct Wild;

impl<'de> Deserialize<'de> for Wild {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = match act() {
            Act::Fail => return Err(de::Error::custom("not today")),
            Act::Swallow => return Ok(Wild::deserialize(deserializer).unwrap_or(Wild)),
            Act::Ask(kind) => kind,
        };
        match kind {
            0 => deserializer.deserialize_any(Wild),
            1 => deserializer.deserialize_u8(Wild),
            2 => deserializer.deserialize_str(Wild),
            3 => deserializer.deserialize_option(Wild),
            4 | 5 => deserializer.deserialize_seq(Wild),
            6 | 7 => deserializer.deserialize_map(Wild),
            8 => deserializer.deserialize_tuple(5, Wild),
            9 => deserializer.deserialize_tuple_struct("T", 3, Wild),
            10 | 11 => deserializer.deserialize_struct("S", &["a", "b", "c"], Wild),
            12 => deserializer.deserialize_newtype_struct("N", Wild),
            13 => deserializer.deserialize_identifier(Wild),
            14 => deserializer.deserialize_unit(Wild),
            _ => deserializer.deserialize_enum("E", &["A", "B", "C"], Wild),
        }
    }
}

impl<'de> Visitor<'de> for Wild {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self, E> {
        if number > 2 && draw(2) == 0 { Err(E::custom("too much")) } else { Ok(self) }
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self, E> {
        if draw(3) == 0 { Err(E::custom("not that")) } else { Ok(self) }
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        Wild::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        Wild::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        let stubborn = draw(2) == 0;
        loop {
            match seq.next_element::<Wild>() {
                Ok(None) => return Ok(self),
                Err(error) if !stubborn => return Err(error),
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let stubborn = draw(2) == 0;
        loop {
            if draw(8) == 0 {
                drop(map.next_value::<Wild>());
            }
            match map.next_key::<Wild>() {
                Ok(None) => return Ok(self),
                Err(error) if !stubborn => return Err(error),
                Ok(Some(_)) if draw(4) == 0 => {}
                Ok(Some(_)) if draw(4) == 0 => drop(map.next_value::<IgnoredAny>()),
                Ok(Some(_)) => drop(map.next_value::<Wild>()),
                Err(_) => {}
            }
        }
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, data: A) -> Result<Self, A::Error> {
        let (_, variant) = data.variant::<Wild>()?;
        match draw(4) {
            0 => de::VariantAccess::unit_variant(variant).map(|()| self),
            1 => de::VariantAccess::newtype_variant::<Wild>(variant),
            2 => de::VariantAccess::tuple_variant(variant, 2, Wild),
            _ => de::VariantAccess::struct_variant(variant, &["x", "y"], Wild),
        }
    }
}

#[test]
fn whatever_a_type_does_it_is_told_in_the_end() {
    for seed in 0..300 {
        SCRIPT.set((seed, 0));
        let schema = Schema::of::<(Wild, Wild)>();
        assert!(schema.text().starts_with('('), "{schema}");
    }
}
