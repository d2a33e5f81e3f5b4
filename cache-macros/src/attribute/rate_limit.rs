//! `#[rate_limit]`: calls beyond so many in so much time are refused.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ExprLit, Lit};

use super::guard::{Asking, Guard, required};
use super::{Attribute, Common, Frame, Input, KEYED, Layer};
use crate::error::{Errors, hint};
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::key::Key;
use crate::krate::Private;
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
    guard: Guard,
    limit: Expr,
    period: Period,
    /// The ban, if it is not the period.
    ttl: Option<Period>,
    /// The variant of the runtime.
    algorithm: &'static str,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[KEYS, KEYED, Common::KEYS];
    let mut arguments = Arguments::parse("`#[rate_limit]`", input.args.clone(), keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, input.function, errors);
    let mut required =
        |name, how, errors: &mut Errors| required(&mut arguments, name, input.span, how, errors);
    let limit = required("limit", "how many calls? Write `limit = 100`", errors);
    let period = required("period", "in how much time? Write `period = \"1m\"`", errors);
    let limit = limit.and_then(|(key, expr)| value::count(&key, expr, u32::MAX, errors));
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
    Some(Box::new(RateLimit {
        guard: Guard { common, key },
        limit,
        period,
        ttl: ttl?,
        algorithm: algorithm?,
    }))
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

impl RateLimit {
    /// What the call is measured by; an expression is evaluated here, before the body.
    fn limit(&self) -> TokenStream {
        let (p, site) = (&self.guard.common.p, Span::mixed_site());
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
        &self.guard.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        self.guard.state(function)
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        // Whoever counts knows by itself.
        let mut leave = quote_spanned!(Span::mixed_site()=> __admitted.leave(););
        if let Some(is_refused) = frame.asks("is_refused").filter(|_| frame.counts) {
            leave = quote_spanned!(Span::mixed_site()=> if !#is_refused { #leave });
        }
        let asking = Asking { module: "rate_limit", rule: self.limit(), leave, around: None };
        self.guard.wrap(frame, &asking)
    }
}
