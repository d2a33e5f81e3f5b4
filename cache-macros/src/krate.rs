//! Where the runtime is: `::macadamia`, or what `crate = path` says.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Expr, ExprPath, Path};

use crate::error::Errors;
use crate::grammar::Arguments;
use crate::tokens::moved;

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

    /// The path, so that complaints about what follows it point there.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        moved(self.to_token_stream(), span)
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

/// What `crate = path` says, before it is known whether the arguments are in order.
pub(crate) fn said(args: &TokenStream) -> Option<String> {
    let words = args.clone().into_iter().map(|token| token.to_string());
    let mut value = words.skip_while(|word| word != "crate").skip(1);
    value.next().filter(|word| word == "=")?;
    let path = value.take_while(|word| word != ",").collect::<String>();
    Some(path.trim_start_matches(':').to_owned())
}
