//! Every annotated function linked into the program.

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
}

impl Function {
    #[doc(hidden)]
    pub const fn new(
        module: &'static str,
        name: &'static str,
        template: Option<&'static str>,
        strategies: &'static [&'static str],
        ttl: Option<&'static str>,
        file: &'static str,
        line: u32,
    ) -> Self {
        Self { module, name, template, strategies, ttl, file, line }
    }
}

inventory::collect!(&'static Function);

/// Every annotated function linked into the program, in no particular order.
///
/// Functions of a library that the binary never names are not linked, and so not listed.
pub fn registry() -> impl Iterator<Item = &'static Function> {
    inventory::iter::<&'static Function>.into_iter().copied()
}
