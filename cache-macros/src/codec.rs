//! `codec = …`: by which codec a function's values become bytes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, ExprReference, Lit, Path};

use crate::error::{Errors, hint};
use crate::function::Function;
use crate::grammar::{Arguments, Key, Shape};
use crate::krate::Private;
use crate::value::here;

/// The codecs that have names, each also that of a function of the runtime.
const NAMES: &[&str] = &["bincode", "json", "msgpack", "string", "raw"];

/// A codec, known when the program is built.
pub(crate) enum Codec {
    Named(&'static str, Span),
    /// What a constant or `static` holds.
    Given(Expr),
}

impl Codec {
    pub(crate) const KEY: Key = Key("codec", Shape::Value);

    /// Takes `codec` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, function: &Function, errors: &mut Errors) -> Option<Self> {
        let (_, expr) = arguments.expr("codec")?;
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                let given = text.value().to_ascii_lowercase();
                let name = NAMES.iter().find(|name| **name == given);
                if name.is_none() {
                    errors.at(&text, unknown(&text.value()));
                }
                Some(Self::Named(name?, text.span()))
            }
            Expr::Lit(_) | Expr::Closure(_) => {
                errors.at(
                    expr,
                    "`codec` is a name or a constant: write `codec = \"json\"`, or `codec = MyCodec`",
                );
                None
            }
            Expr::Reference(ExprReference { mutability: None, expr, .. }) => {
                Self::given(*expr, function, errors)
            }
            expr => Self::given(expr, function, errors),
        }
    }

    fn given(expr: Expr, function: &Function, errors: &mut Errors) -> Option<Self> {
        if let Expr::Path(path) = &expr
            && let Some(name) = path.path.get_ident().filter(|name| NAMES.iter().any(|known| name == known))
        {
            errors.at(name, format!("names stand in quotes: write `codec = \"{name}\"`"));
            return None;
        }
        if function.reads(&expr) || says_self(&expr) {
            errors.at(
                expr,
                "`codec` is one for all calls: name a constant or a `static`, and no parameter, `self` or `Self`",
            );
            return None;
        }
        Some(Self::Given(expr))
    }

    /// It, in a `static`: so it may hold what another one does.
    pub(crate) fn held(&self, p: &Private) -> TokenStream {
        let (site, held) = (Span::mixed_site(), Ident::new("__MACADAMIA_CODEC", Span::mixed_site()));
        let made = match self {
            Self::Named(name, span) => {
                let (site, p) = (site.located_at(*span), p.at(site.located_at(*span)));
                let name = format_ident!("{name}", span = site);
                quote_spanned!(site=> #p::codec::#name())
            }
            Self::Given(expr) => quote_spanned!(here(expr)=> &(#expr)),
        };
        quote_spanned!(site=> static #held: &dyn #p::codec::Codec = #made; #held)
    }
}

fn unknown(name: &str) -> String {
    let hint = hint(name, NAMES.iter().copied());
    format!("no codec is called `{name}`{hint} There are {}", NAMES.join(", "))
}

/// Whether an expression means the receiver or the type it is of; `self::` is a module.
fn says_self(expr: &Expr) -> bool {
    struct Says(bool);
    impl<'ast> Visit<'ast> for Says {
        fn visit_path(&mut self, path: &'ast Path) {
            let first = path.segments.first().map(|segment| &segment.ident);
            let is = |word: &str| first.is_some_and(|first| first == word);
            self.0 |= is("Self") || (path.segments.len() == 1 && is("self"));
            visit::visit_path(self, path);
        }
    }
    let mut says = Says(false);
    says.visit_expr(expr);
    says.0
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_path_through_this_module_is_no_receiver() {
        for (expr, says) in [
            (parse_quote!(self::Json), false),
            (parse_quote!(super::Json), false),
            (parse_quote!(self.codec), true),
            (parse_quote!(Self::CODEC), true),
            (parse_quote!(Own::new(Self::LEVEL)), true),
        ] {
            assert_eq!(says_self(&expr), says, "{}", quote!(#expr));
        }
    }
}
