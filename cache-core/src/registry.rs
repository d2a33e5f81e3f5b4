//! Every annotated function linked into the program.

mod shape;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::stats::{Counters, Stats};

/// An annotated function, as its attribute describes it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Function {
    /// The module it is in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The key template, or `None` for the default key.
    pub template: Option<&'static str>,
    /// The attributes, outermost first.
    pub strategies: &'static [&'static str],
    /// The ttl as written, if it is a literal.
    pub ttl: Option<&'static str>,
    /// The source file.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// The parameters that do not enter the key: calls that differ in these alone share an entry.
    pub unkeyed: &'static [&'static str],
    pub(crate) counters: &'static Counters,
}

impl Function {
    #[doc(hidden)]
    #[expect(clippy::too_many_arguments, reason = "printed by the macros, never written by hand")]
    pub const fn new(
        module: &'static str,
        name: &'static str,
        template: Option<&'static str>,
        strategies: &'static [&'static str],
        ttl: Option<&'static str>,
        file: &'static str,
        line: u32,
        counters: &'static Counters,
    ) -> Self {
        Self { module, name, template, strategies, ttl, file, line, unkeyed: &[], counters }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_unkeyed(self, unkeyed: &'static [&'static str]) -> Self {
        Self { unkeyed, ..self }
    }

    /// How its calls were answered.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// Module and name: `shop::items::find`.
    pub fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }
}

inventory::collect!(&'static Function);

/// Every annotated function linked into the program.
///
/// Functions of a library that the binary never names are not linked, and so not listed.
///
/// ```
/// for function in cache_core::registry() {
///     println!("{} {:?}", function.path(), function.template);
/// }
/// ```
pub fn registry() -> Registry {
    inventory::iter::<&'static Function>.into_iter().copied().collect()
}

/// Annotated functions, sorted by path and place.
///
/// Two of its questions are for a unit test of the program: [`assert_no_collisions`] and [`unkeyed`].
///
/// [`assert_no_collisions`]: Self::assert_no_collisions
/// [`unkeyed`]: Self::unkeyed
#[derive(Debug, Clone)]
pub struct Registry {
    functions: Vec<&'static Function>,
}

impl Registry {
    /// The functions in order.
    pub fn iter(&self) -> std::iter::Copied<std::slice::Iter<'_, &'static Function>> {
        self.functions.iter().copied()
    }

    /// The first function for which this holds.
    pub fn find(&self, mut holds: impl FnMut(&Function) -> bool) -> Option<&'static Function> {
        self.iter().find(|function| holds(function))
    }

    /// Only the functions for which this holds, such as those of one's own crate.
    #[must_use]
    pub fn only(self, mut holds: impl FnMut(&Function) -> bool) -> Self {
        self.into_iter().filter(|function| holds(function)).collect()
    }

    /// Groups of functions that may store under one key: their templates are the same but for what the
    /// placeholders are called.
    ///
    /// Functions of the same name and template in different modules are taken for one function in two places, and
    /// may share; in one module they are methods of different types, and may not.
    /// Where a placeholder of one stands against literal text of another (`user:<id>`, `user:me`), nothing
    /// is said: whether they meet is up to the values.
    pub fn collisions(&self) -> Vec<Vec<&'static Function>> {
        let mut shapes: BTreeMap<String, Vec<&'static Function>> = BTreeMap::new();
        for function in self {
            if let Some(template) = function.template {
                shapes.entry(shape::of(template)).or_default().push(function);
            }
        }
        let differ = |group: &Vec<&'static Function>| {
            group.iter().enumerate().any(|(index, one)| {
                group[..index].iter().any(|other| {
                    (one.name, one.template) != (other.name, other.template) || one.module == other.module
                })
            })
        };
        shapes.into_values().filter(differ).collect()
    }

    /// For a unit test: fails with a list if functions may store under one key. See [`collisions`].
    ///
    /// [`collisions`]: Self::collisions
    ///
    /// # Panics
    ///
    /// If there are such functions.
    #[track_caller]
    pub fn assert_no_collisions(&self) {
        let mut list = String::new();
        for group in self.collisions() {
            let shape = group.iter().find_map(|function| function.template).map(shape::of);
            let _ = write!(list, "\n  {}", shape.unwrap_or_default());
            for function in group {
                let (path, key) = (function.path(), function.template.unwrap_or_default());
                let _ = write!(list, "\n    {path}, key = {key:?}, {}:{}", function.file, function.line);
            }
        }
        assert!(
            list.is_empty(),
            "different functions store under the same keys:{list}\nbegin each with a word of its own"
        );
    }

    /// Functions with parameters that do not enter the key: calls that differ in these alone share an entry.
    pub fn unkeyed(&self) -> impl Iterator<Item = &'static Function> {
        self.iter().filter(|function| !function.unkeyed.is_empty())
    }

    /// A Markdown table: function, key, attributes, ttl, place.
    pub fn to_markdown(&self) -> String {
        table::markdown(self)
    }
}

impl FromIterator<&'static Function> for Registry {
    fn from_iter<I: IntoIterator<Item = &'static Function>>(functions: I) -> Self {
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.sort_by_key(|function| (function.module, function.name, function.file, function.line));
        Self { functions }
    }
}

impl Extend<&'static Function> for Registry {
    fn extend<I: IntoIterator<Item = &'static Function>>(&mut self, functions: I) {
        *self = self.iter().chain(functions).collect();
    }
}

impl IntoIterator for Registry {
    type Item = &'static Function;
    type IntoIter = std::vec::IntoIter<&'static Function>;

    fn into_iter(self) -> Self::IntoIter {
        self.functions.into_iter()
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = &'static Function;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, &'static Function>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
