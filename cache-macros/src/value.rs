//! The kinds of values that arguments have: ttls, durations, switches, numbers, shares.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, ExprLit, ExprUnary, Lit, UnOp};

use crate::duration;
use crate::error::Errors;
use crate::krate::Private;

/// How long: known now, or computed when the function is called.
pub(crate) enum Ttl {
    /// A literal: its milliseconds (`None` is forever) and its text.
    Fixed(Option<u64>, String),
    /// An expression, evaluated before the body.
    Expr(Expr),
    /// A closure over the value, called after it.
    Closure(ExprClosure),
}

/// Where a ttl stands, and so what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of a value: a closure may compute it.
    Value,
    /// Of `None` or `Err`: there is no value to look at.
    Absence,
}

impl Ttl {
    /// Reads `"1d2h"`, `"forever"`, `90`, an expression or a closure.
    pub(crate) fn parse(key: &Ident, expr: Expr, place: Place, errors: &mut Errors) -> Option<Self> {
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &expr
            && text.value().trim() == "forever"
        {
            return Some(Self::Fixed(None, "forever".to_owned()));
        }
        match expr {
            Expr::Closure(closure) if place == Place::Value => {
                if closure.inputs.len() != 1 {
                    errors.at(&closure, format!("`{key}` by closure takes the value: write `|value| …`"));
                    return None;
                }
                Some(Self::Closure(closure))
            }
            Expr::Closure(closure) => {
                errors.at(closure, format!("`{key}` cannot be a closure: there is no value to look at"));
                None
            }
            expr => match literal(key, &expr) {
                Literal::Millis(millis, text) => Some(Self::Fixed(Some(millis), text)),
                Literal::None => Some(Self::Expr(expr)),
                Literal::Wrong(message) => {
                    errors.at(expr, message);
                    None
                }
            },
        }
    }

    /// The text of a literal.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Fixed(_, text) => Some(text),
            Self::Expr(_) | Self::Closure(_) => None,
        }
    }

    /// A `Result<Ttl>`; nothing for a closure.
    pub(crate) fn result(&self, p: &Private) -> TokenStream {
        match self {
            Self::Fixed(Some(millis), _) => quote!(::core::result::Result::Ok(#p::Ttl::from_millis(#millis))),
            Self::Fixed(None, _) => quote!(::core::result::Result::Ok(#p::Ttl::FOREVER)),
            Self::Expr(expr) => {
                let (here, p) = (here(expr), p.at(here(expr)));
                quote_spanned!(here=> #p::IntoTtl::into_ttl(#expr))
            }
            Self::Closure(_) => TokenStream::new(),
        }
    }
}

/// How long a lease lasts unless something else is asked for, in milliseconds.
pub(crate) const LEASE: u64 = 10_000;

/// A duration: a literal checked now, or an expression of type `Duration`.
pub(crate) enum Period {
    Millis(u64),
    Expr(Expr),
}

impl Period {
    pub(crate) fn parse(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<Self> {
        match literal(key, &expr) {
            Literal::Millis(millis, _) => Some(Self::Millis(millis)),
            Literal::None => Some(Self::Expr(expr)),
            Literal::Wrong(message) => {
                errors.at(expr, message);
                None
            }
        }
    }
}

impl ToTokens for Period {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Millis(millis) => tokens.extend(quote!(::core::time::Duration::from_millis(#millis))),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

/// A duration as a literal.
enum Literal {
    /// Its milliseconds and its text.
    Millis(u64, String),
    /// It is another kind of expression.
    None,
    /// It is no duration, and why.
    Wrong(String),
}

fn literal(key: &Ident, expr: &Expr) -> Literal {
    let (read, text) = match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => (duration::parse(&text.value()), text.value()),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse() {
            Ok(count) => (duration::seconds(count), number.base10_digits().to_owned()),
            Err(error) => return Literal::Wrong(error.to_string()),
        },
        Expr::Lit(_) => {
            return Literal::Wrong(format!("`{key}` takes text such as \"1h30m\", or whole seconds"));
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_)) => {
            return Literal::Wrong(format!("`{key}` cannot be negative"));
        }
        _ => return Literal::None,
    };
    read.map_or_else(Literal::Wrong, |millis| Literal::Millis(millis, text))
}

/// `true` or `false`.
pub(crate) fn switch(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<bool> {
    if let Expr::Lit(ExprLit { lit: Lit::Bool(value), .. }) = expr {
        return Some(value.value);
    }
    errors.at(expr, format!("`{key}` is `true` or `false`"));
    None
}

/// A whole number of 32 bits.
pub(crate) fn number(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<u32> {
    if let Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) = expr
        && let Ok(value) = value.base10_parse()
    {
        return Some(value);
    }
    errors.at(expr, format!("`{key}` is a whole number from 0 to {}: write `{key} = 1`", u32::MAX));
    None
}

/// A whole number from one to `most`, or an expression.
pub(crate) fn count(key: &Ident, expr: Expr, most: u32, errors: &mut Errors) -> Option<Expr> {
    if !is_known(&expr) {
        return Some(expr);
    }
    if let Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) = &expr
        && value.base10_parse().is_ok_and(|value: u32| (1..=most).contains(&value))
    {
        return Some(expr);
    }
    errors.at(&expr, format!("`{key}` is a whole number from 1 to {most}, or an expression"));
    None
}

/// A number that need not be whole: a literal checked now, or an expression of type `f64`.
pub(crate) enum Number {
    Literal(f64),
    Expr(Expr),
}

impl Number {
    /// Above 0, up to 100.
    pub(crate) fn percent(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<Self> {
        let how = "is a percentage above 0 and up to 100";
        Self::parse(key, expr, |number| number > 0.0 && number <= 100.0, how, errors)
    }

    /// Above 1.
    pub(crate) fn factor(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<Self> {
        Self::parse(key, expr, |number| number > 1.0, "is a number above 1", errors)
    }

    fn parse(key: &Ident, expr: Expr, fits: fn(f64) -> bool, how: &str, errors: &mut Errors) -> Option<Self> {
        if !is_known(&expr) {
            return Some(Self::Expr(expr));
        }
        let number = match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
            Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| fits(*number));
        if number.is_none() {
            errors.at(&expr, format!("`{key}` {how}, or an expression of type `f64`"));
        }
        number.map(Self::Literal)
    }
}

impl ToTokens for Number {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Literal(number) => number.to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

/// Whether it is no expression to compute before the call, but a literal or a closure.
fn is_known(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Closure(_) => true,
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => matches!(**expr, Expr::Lit(_)),
        _ => false,
    }
}

/// `"10%"`, or a share from 0 to 1.
pub(crate) fn share(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<f64> {
    let share = match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text
            .value()
            .strip_suffix('%')
            .and_then(|percent| percent.trim().parse::<f64>().ok())
            .filter(|percent| *percent > 0.0 && *percent <= 100.0)
            .map(|percent| percent / 100.0),
        Expr::Lit(ExprLit { lit: Lit::Float(share), .. }) => {
            share.base10_parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share))
        }
        _ => None,
    };
    if share.is_none() {
        errors.at(expr, format!("`{key}` is a share: write \"10%\" (above 0, up to 100) or 0.1 (0 to 1)"));
    }
    share
}

/// Plain text.
pub(crate) fn text<'a>(key: &Ident, expr: &'a Expr, errors: &mut Errors) -> Option<&'a syn::LitStr> {
    if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = expr {
        return Some(text);
    }
    errors.at(expr, format!("`{key}` is text: write `{key} = \"…\"`"));
    None
}

/// Where the tokens are, seen from the expansion: complaints point there, lints do not apply.
pub(crate) fn here(tokens: &impl Spanned) -> proc_macro2::Span {
    proc_macro2::Span::mixed_site().located_at(tokens.span())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn key() -> Ident {
        parse_quote!(x)
    }

    fn complaints(read: impl FnOnce(&mut Errors)) -> Vec<String> {
        let mut errors = Errors::default();
        read(&mut errors);
        errors.messages()
    }

    #[test]
    fn a_ttl_is_text_seconds_an_expression_or_a_closure() {
        let read = |expr| Ttl::parse(&key(), expr, Place::Value, &mut Errors::default());
        assert!(matches!(read(parse_quote!("3h")), Some(Ttl::Fixed(Some(10_800_000), text)) if text == "3h"));
        assert!(matches!(read(parse_quote!(90)), Some(Ttl::Fixed(Some(90_000), _))));
        assert!(matches!(read(parse_quote!(90u64)), Some(Ttl::Fixed(Some(90_000), _))));
        assert!(matches!(read(parse_quote!("forever")), Some(Ttl::Fixed(None, _))));
        assert!(matches!(read(parse_quote!(config.ttl)), Some(Ttl::Expr(_))));
        assert!(matches!(read(parse_quote!(|value| value.ttl)), Some(Ttl::Closure(_))));
    }

    #[test]
    fn what_is_no_ttl_is_refused() {
        let check = |expr: Expr, place, message: &str| {
            let found = complaints(|errors| assert!(Ttl::parse(&key(), expr, place, errors).is_none()));
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with(message), "{found:?}");
        };
        check(parse_quote!("3 hours"), Place::Value, "`3 hours` is not a duration");
        check(parse_quote!(0), Place::Value, "`0` is a duration of zero");
        check(parse_quote!("0s"), Place::Absence, "`0s` is a duration of zero");
        check(parse_quote!(1.5), Place::Value, "`x` takes text such as \"1h30m\", or whole seconds");
        check(parse_quote!(-5), Place::Value, "`x` cannot be negative");
        check(parse_quote!(|a, b| 1), Place::Value, "`x` by closure takes the value");
        check(parse_quote!(|v| 1), Place::Absence, "`x` cannot be a closure");
    }

    #[test]
    fn shares_are_percentages_or_fractions() {
        let read = |expr: Expr| share(&key(), &expr, &mut Errors::default());
        assert_eq!(read(parse_quote!("10%")), Some(0.1));
        assert_eq!(read(parse_quote!("100 %")), Some(1.0));
        assert_eq!(read(parse_quote!(0.25)), Some(0.25));
        for expr in [
            parse_quote!("0%"),
            parse_quote!("101%"),
            parse_quote!("10"),
            parse_quote!(10),
            parse_quote!(1.5),
        ] {
            assert_eq!(complaints(|errors| assert_eq!(share(&key(), &expr, errors), None)).len(), 1);
        }
    }

    #[test]
    fn counts_and_numbers_are_literals_within_their_bounds_or_expressions() {
        let reads =
            |expr: &Expr, most: u32| count(&key(), expr.clone(), most, &mut Errors::default()).is_some();
        for (expr, fits) in
            [("1", true), ("128", true), ("a.b", true), ("-a", true), ("0", false), ("129", false)]
        {
            assert_eq!(reads(&syn::parse_str(expr).unwrap(), 128), fits, "{expr}");
        }
        for expr in ["-1", "1.0", "\"1\"", "|x| 1", "4294967296"] {
            assert!(!reads(&syn::parse_str(expr).unwrap(), u32::MAX), "{expr}");
        }
        let number = |read: fn(&Ident, Expr, &mut Errors) -> Option<Number>, expr: &str| {
            let read = read(&key(), syn::parse_str(expr).unwrap(), &mut Errors::default());
            read.map(|number| number.to_token_stream().to_string())
        };
        for (expr, printed) in [
            ("50", Some("50f64")),
            ("0.1", Some("0.1f64")),
            ("100.0", Some("100f64")),
            ("a.rate()", Some("a . rate ()")),
            ("0", None),
            ("0.0", None),
            ("100.1", None),
            ("-1", None),
            ("\"10%\"", None),
            ("|x| 1.0", None),
        ] {
            assert_eq!(number(Number::percent, expr).as_deref(), printed, "{expr}");
        }
        for (expr, printed) in [("2", Some("2f64")), ("1.01", Some("1.01f64")), ("1", None), ("0.5", None)] {
            assert_eq!(number(Number::factor, expr).as_deref(), printed, "{expr}");
        }
    }

    #[test]
    fn switches_numbers_and_texts_are_literals() {
        assert_eq!(
            complaints(|e| assert_eq!(switch(&key(), &parse_quote!(1), e), None)),
            ["`x` is `true` or `false`"]
        );
        assert_eq!(
            complaints(|e| assert_eq!(number(&key(), &parse_quote!(4294967296), e), None)),
            ["`x` is a whole number from 0 to 4294967295: write `x = 1`"]
        );
        assert_eq!(
            complaints(|e| assert!(text(&key(), &parse_quote!(v2), e).is_none())),
            ["`x` is text: write `x = \"…\"`"]
        );
    }
}
