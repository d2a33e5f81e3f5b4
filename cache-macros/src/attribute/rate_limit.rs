//! `#[rate_limit]`: calls beyond so many in so much time are refused.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprLit, ExprUnary, Lit, ReturnType, Type, UnOp};

use super::{Attribute, Common, Frame, Input, KEYED, Layer};
use crate::error::{Errors, hint};
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::key::{Head, Key, Kind};
use crate::krate::Private;
use crate::tokens::moved;
use crate::value::{self, Period};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "rate_limit", stores: false, counts: true, parse };

const KEYS: &[Argument] = &[
    Argument("limit", Shape::Value),
    Argument("period", Shape::Value),
    Argument("ttl", Shape::Value),
    Argument("algorithm", Shape::Value),
];

const ALGORITHMS: [(&str, &str); 3] = [("fixed", "Fixed"), ("sliding", "Sliding"), ("gcra", "Gcra")];

struct RateLimit {
    common: Common,
    key: Key,
    limit: Expr,
    period: Period,
    /// The ban, if it is not the period.
    ttl: Option<Period>,
    /// The variant of the runtime.
    algorithm: &'static str,
}

fn parse(input: Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[KEYS, KEYED, Common::KEYS];
    let mut arguments = Arguments::parse("`#[rate_limit]`", input.args, keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, input.function, errors);
    let mut required = |name, how: &str, errors: &mut Errors| {
        let found = arguments.expr(name);
        if found.is_none() && !arguments.is_misread(name) {
            errors.push(input.span, how);
        }
        found
    };
    let limit = required("limit", "how many calls? Write `limit = 100`", errors);
    let period = required("period", "in how much time? Write `period = \"1m\"`", errors);
    let limit = limit.and_then(|(_, expr)| count(expr, errors));
    let period = period.and_then(|(key, expr)| Period::parse(&key, expr, errors));
    let algorithm = arguments.expr("algorithm").map_or(Some("Fixed"), |(_, expr)| algorithm(&expr, errors));
    let ttl = arguments.expr("ttl");
    if let (Some((key, _)), Some("Sliding" | "Gcra")) = (&ttl, algorithm) {
        errors.push(
            key.span(),
            "`ttl` is the ban of \"fixed\"; the others admit a call as soon as the limit allows it: leave it out",
        );
    }
    let ttl = ttl.map(|(key, expr)| Period::parse(&key, expr, errors));
    let ttl = ttl.map_or(Some(None), |ttl| ttl.map(Some));
    let (key, limit, period) = (key?, limit?, period?);
    Some(Box::new(RateLimit { common, key, limit, period, ttl: ttl?, algorithm: algorithm? }))
}

/// A whole number from one, or an expression.
fn count(expr: Expr, errors: &mut Errors) -> Option<Expr> {
    let literal = match &expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if matches!(**expr, Expr::Lit(_)) => None,
        Expr::Closure(_) => None,
        _ => return Some(expr),
    };
    let number = literal.and_then(|literal| match literal {
        Lit::Int(number) => number.base10_parse::<u32>().ok(),
        _ => None,
    });
    if number.is_none_or(|number| number == 0) {
        errors.at(&expr, format!("`limit` is a whole number from 1 to {}, or an expression", u32::MAX));
        return None;
    }
    Some(expr)
}

fn algorithm(expr: &Expr, errors: &mut Errors) -> Option<&'static str> {
    const HOW: &str = "\"fixed\" (the default), \"sliding\" or \"gcra\"";
    let Expr::Lit(ExprLit { lit: Lit::Str(word), .. }) = expr else {
        errors.at(expr, format!("`algorithm` is text: write {HOW}"));
        return None;
    };
    let word = word.value();
    let known = ALGORITHMS.iter().find(|(name, _)| *name == word);
    if known.is_none() {
        let hint = hint(&word, ALGORITHMS.map(|(name, _)| name));
        errors.at(expr, format!("`algorithm` cannot be \"{word}\"{hint} Write {HOW}"));
    }
    known.map(|(_, variant)| *variant)
}

/// What makes an answer of a refusal. Complaints are about the return type; where none is written, about the function.
pub(super) fn refusable(function: &Function, output: &Type, p: &Private) -> TokenStream {
    let (here, output) = match function.sig.output {
        ReturnType::Default => {
            let here = value::here(&function.sig.ident);
            (here, moved(output.to_token_stream(), here))
        }
        ReturnType::Type(..) => (value::here(output), output.to_token_stream()),
    };
    let p = p.at(here);
    quote_spanned!(here=> #p::guard::refusal::<#output>)
}

impl RateLimit {
    /// What the call is measured by; an expression is evaluated here, before the body.
    fn limit(&self) -> TokenStream {
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (limit, period) = (&self.limit, &self.period);
        let ban =
            self.ttl.as_ref().map_or_else(|| quote_spanned!(site=> __period), ToTokens::to_token_stream);
        let algorithm = Ident::new(self.algorithm, site);
        let limit = quote_spanned!(value::here(limit)=> let __limit: u32 = #limit;);
        let period = quote_spanned!(value::here(period)=> let __period: ::core::time::Duration = #period;);
        quote_spanned! {site=>
            {
                #limit
                #period
                #p::rate_limit::Limit {
                    algorithm: #p::rate_limit::Algorithm::#algorithm, limit: __limit, period: __period, ban: #ban,
                }
            }
        }
    }
}

impl Layer for RateLimit {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        (!matches!(self.key.kind, Kind::Code { .. })).then(|| self.key.readable(function))
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, label, output, inner, counts, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (buf, when) = (Ident::new("__key", site), Ident::new("__when", site));
        let condition = self.common.when(&when);
        let bypass = if condition.is_some() { quote!(!#when) } else { quote!(false) };
        let (cache, key, limit) = (self.common.cache(), self.key.render(&buf, &Head::Here, p), self.limit());
        let refusable = refusable(function, output, p);
        // Whoever counts knows by itself.
        let (refuse, mut leave) = (frame.note("refuse"), quote_spanned!(site=> __admitted.leave();));
        if let Some(is_refused) = frame.asks("is_refused").filter(|_| *counts) {
            leave = quote_spanned!(site=> if !#is_refused { #leave });
        }
        quote_spanned! {site=>
            let __refusal = #refusable;
            let __entering = {
                let __cache = #cache;
                #condition
                let mut #buf = #p::KeyBuf::new();
                // A default key holds `_unused` too: who calls with another value is counted by itself.
                #[allow(clippy::used_underscore_binding)]
                { #key }
                let __limit = #limit;
                let __settings = #p::guard::Settings { bypass: #bypass, counts: #counts };
                #p::rate_limit::enter(&__MACADAMIA_FN, __cache, &mut #buf, __limit, __settings)
            };
            let __admitted = match __entering.await {
                #p::Enter::Answer(__error) => {
                    #refuse
                    break #label __refusal(__error);
                }
                #p::Enter::Go(__admitted) => __admitted,
            };
            let __out: #output = #inner.await;
            #leave
            __out
        }
    }
}
