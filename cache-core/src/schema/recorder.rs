//! The deserializer that has nothing to give and writes down what it is asked for.

use erased_serde::Error;
use serde::de::{self, DeserializeSeed, Visitor};

use super::access::{Elements, Entries, Fields, First, Variants};
use super::dummy::Dummy;
use super::node::{Asked, Node};
use super::run::{Path, Run};

/// Stands at one place of the type.
#[derive(Debug)]
pub(super) struct Recorder<'r> {
    pub(super) run: &'r mut Run,
    pub(super) node: &'r mut Node,
    pub(super) path: Path<'r>,
    /// Something comes after this place, so what is asked is made up once it is written down.
    pub(super) goes_on: bool,
}

/// Asks a part what it is.
pub(super) fn ask<T>(
    run: &mut Run,
    part: &mut Node,
    path: Path<'_>,
    goes_on: bool,
    asks: impl FnOnce(Recorder<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if run.is_over() {
        return Err(run.end());
    }
    part.seen = run.number;
    let value = asks(Recorder { run: &mut *run, node: &mut *part, path, goes_on })?;
    if part.asked.is_none() {
        run.progress = true;
        part.open(Asked::Nothing, 0);
    }
    Ok(value)
}

impl Recorder<'_> {
    fn note(&mut self, asked: Asked) -> Result<(), Error> {
        self.run.note(self.node, asked, self.path)
    }

    /// A place without parts.
    fn leaf(&mut self, asked: Asked) -> Result<Dummy<'_>, Error> {
        self.note(asked)?;
        if self.goes_on { Ok(self.run.make_up(0)) } else { Err(self.run.end()) }
    }

    /// A struct by its fields, one in a run; or as the sequence of them, where it takes no fields.
    fn fields<'de, V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.node.other_way {
            return self.elements(visitor);
        }
        let step = self.path.step(self.node);
        let path = self.path.after(step.as_ref());
        let mut fields = Fields::new(&mut *self.run, &mut *self.node, path, names);
        let result = visitor.visit_map(&mut fields);
        if result.is_err() && fields.is_untouched() {
            self.run.progress = true;
            self.node.other_way = true;
            self.node.probe = None;
        }
        result
    }

    fn elements<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let step = self.path.step(self.node);
        let path = self.path.after(step.as_ref());
        visitor.visit_seq(Elements::new(self.run, self.node, path))
    }

    /// The one part.
    fn inside<T>(self, asks: impl FnOnce(Recorder<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let step = self.path.step(self.node);
        let path = self.path.after(step.as_ref());
        match self.node.parts.first_mut().filter(|part| !part.done) {
            Some(part) => ask(self.run, part, path, false, asks),
            None => Err(self.run.end()),
        }
    }
}

macro_rules! leaves {
    ($($deserialize:ident => $asked:expr;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
            self.leaf($asked)?.$deserialize(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Recorder<'_> {
    type Error = Error;

    leaves! {
        deserialize_any => Asked::Any;
        deserialize_ignored_any => Asked::Ignored;
        deserialize_identifier => Asked::Name;
        deserialize_bool => Asked::Plain("bool");
        deserialize_i8 => Asked::Plain("i8");
        deserialize_i16 => Asked::Plain("i16");
        deserialize_i32 => Asked::Plain("i32");
        deserialize_i64 => Asked::Plain("i64");
        deserialize_i128 => Asked::Plain("i128");
        deserialize_u8 => Asked::Plain("u8");
        deserialize_u16 => Asked::Plain("u16");
        deserialize_u32 => Asked::Plain("u32");
        deserialize_u64 => Asked::Plain("u64");
        deserialize_u128 => Asked::Plain("u128");
        deserialize_f32 => Asked::Plain("f32");
        deserialize_f64 => Asked::Plain("f64");
        deserialize_char => Asked::Plain("char");
        deserialize_str => Asked::Plain("str");
        deserialize_string => Asked::Plain("str");
        deserialize_bytes => Asked::Plain("bytes");
        deserialize_byte_buf => Asked::Plain("bytes");
        deserialize_unit => Asked::Plain("unit");
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.leaf(Asked::UnitStruct(name))?.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.note(Asked::Option)?;
        self.inside(|part| visitor.visit_some(part))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Newtype(name))?;
        self.inside(|part| visitor.visit_newtype_struct(part))
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.note(Asked::Seq)?;
        visitor.visit_seq(First::new(self.run, self.node, self.path.after(None)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.note(Asked::Tuple(None, len))?;
        self.elements(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Tuple(Some(name), len))?;
        self.elements(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.note(Asked::Map)?;
        let path = self.path.after(None);
        visitor.visit_map(Entries::new(self.run, self.node, path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Struct(Some(name), fields))?;
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Enum(name, variants))?;
        if variants.is_empty() {
            return Err(self.run.end());
        }
        let step = self.path.step(self.node);
        let path = self.path.after(step.as_ref());
        visitor.visit_enum(Variants::new(self.run, self.node, path, variants))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de> de::VariantAccess<'de> for Recorder<'_> {
    type Error = Error;

    fn unit_variant(mut self) -> Result<(), Error> {
        self.leaf(Asked::UnitVariant).map(drop)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, Error> {
        self.note(Asked::NewtypeVariant)?;
        self.inside(|part| seed.deserialize(part))
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.note(Asked::Tuple(None, len))?;
        self.elements(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(Asked::Struct(None, fields))?;
        self.fields(fields, visitor)
    }
}
