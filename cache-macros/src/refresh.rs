//! What says when a value that is there is computed anew, and where.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::error::Errors;
use crate::grammar::Arguments;
use crate::krate::Private;
use crate::value::{self, Place, Ttl, here};

/// `early_ttl = …`, `soft_ttl = …`: for how long a value is fresh.
pub(crate) enum Fresh {
    /// As long as it lives: chance decides.
    Whole,
    /// A third of its ttl.
    Third,
    For(Ttl),
}

impl Fresh {
    /// Takes the argument of this name; without it a value is fresh for a third of its ttl, or as long as it lives.
    pub(crate) fn take(
        arguments: &mut Arguments,
        name: &str,
        whole: bool,
        ttl: Option<&Ttl>,
        span: Span,
        errors: &mut Errors,
    ) -> Option<Self> {
        let Some((key, expr)) = arguments.expr(name) else {
            if whole {
                return Some(Self::Whole);
            }
            if let (Some(Ttl::Fixed(None, _)), false) = (ttl, arguments.is_misread(name)) {
                errors.push(
                    span,
                    format!("a third of \"forever\" never comes: say when with `{name} = \"1h\"`"),
                );
                return None;
            }
            return Some(Self::Third);
        };
        let at = expr.span();
        let fresh = Ttl::parse(&key, expr, Place::Absence, errors)?;
        match (&fresh, ttl) {
            (Ttl::Fixed(None, _), _) => {
                errors.push(at, format!("`{name}` is a part of the ttl: write a duration below it"));
                None
            }
            (Ttl::Fixed(Some(fresh), shown), Some(Ttl::Fixed(Some(ttl), whole))) if fresh >= ttl => {
                errors
                    .push(at, format!("`{name}` is a part of the ttl: \"{shown}\" is not below \"{whole}\""));
                None
            }
            _ => Some(Self::For(fresh)),
        }
    }

    /// A `Result<Fresh>`.
    pub(crate) fn result(&self, p: &Private) -> TokenStream {
        let ok = |variant: &str| {
            let variant = Ident::new(variant, Span::call_site());
            quote!(::core::result::Result::Ok(#p::cached::Fresh::#variant))
        };
        match self {
            Self::Whole => ok("Whole"),
            Self::Third => ok("Third"),
            Self::For(ttl) => {
                let ttl = ttl.result(p);
                quote!(::core::result::Result::map(#ttl, #p::cached::Fresh::For))
            }
        }
    }

    /// The same, if it needs no call.
    pub(crate) fn known(&self, p: &Private) -> Option<TokenStream> {
        (!matches!(self, Self::For(Ttl::Expr(_)))).then(|| self.result(p))
    }
}

/// `beta = 1.0`: an `f64`.
pub(crate) fn chance(arguments: &mut Arguments, errors: &mut Errors) -> Option<TokenStream> {
    let (_, expr) = arguments.expr("beta")?;
    let number = match &expr {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse::<f64>().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse::<u32>().ok().map(f64::from),
        Expr::Lit(_) | Expr::Closure(_) => None,
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_)) => None,
        _ => return Some(quote_spanned!(here(&expr)=> { let __beta: f64 = #expr; __beta })),
    };
    let Some(number) = number.filter(|number| *number > 0.0 && number.is_finite()) else {
        errors.at(expr, "`beta` is a number above 0: 1.0 is XFetch as it was published, more is earlier");
        return None;
    };
    Some(quote!(#number))
}

/// `background = …`: whether a value is computed beside the call that found it due.
pub(crate) fn background(arguments: &mut Arguments, errors: &mut Errors) -> Option<bool> {
    match arguments.expr("background") {
        Some((key, expr)) => value::switch(&key, &expr, errors),
        None => (!arguments.is_misread("background")).then_some(true),
    }
}
