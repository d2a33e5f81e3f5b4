//! Where the runtime is: `::macadamia`, or what `crate = path` says.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, ExprPath, Path};

use crate::error::Errors;
use crate::grammar::Arguments;

/// The path of the module that the expansions talk to.
#[derive(Clone)]
pub(crate) struct Private(Option<Path>);

impl Private {
    /// The front door under its own name.
    pub(crate) const DEFAULT: Self = Self(None);

    /// Takes `crate = path` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, errors: &mut Errors) -> Self {
        match arguments.expr("crate") {
            None => Self::DEFAULT,
            Some((_, Expr::Path(ExprPath { qself: None, path, .. }))) => Self(Some(path)),
            Some((_, other)) => {
                errors.at(other, "`crate` is a path: write `crate = ::my_cache` or `crate = crate::cache`");
                Self::DEFAULT
            }
        }
    }
}

impl ToTokens for Private {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote!(::macadamia)),
        }
        tokens.extend(quote!(::__private));
    }
}
