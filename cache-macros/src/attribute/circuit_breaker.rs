//! `#[circuit_breaker]`: a function that fails too often is left alone for a while.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::guard::{Asking, Guard, inside, required};
use super::{Attribute, Common, Frame, Input, KEYED, Layer};
use crate::error::Errors;
use crate::failure::Failure;
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::key::Key;
use crate::krate::Private;
use crate::tokens::moved;
use crate::value::{self, Number, Period};

pub(crate) const ATTRIBUTE: Attribute =
    Attribute { name: "circuit_breaker", stores: false, counts: true, parse };

const KEYS: &[Argument] = &[
    Argument("errors_rate", Shape::Value),
    Argument("period", Shape::Value),
    Argument("ttl", Shape::Value),
    Argument("half_open_ttl", Shape::Value),
    Argument("half_open_calls", Shape::Value),
    Argument("min_calls", Shape::Value),
    Argument("slow_call", Shape::Value),
];

/// The most permits that the runtime keeps.
const MOST_PROBES: u32 = 128;

struct CircuitBreaker {
    guard: Guard,
    errors_rate: Number,
    period: Period,
    ttl: Period,
    /// If it is not the `ttl`.
    half_open_ttl: Option<Period>,
    half_open_calls: Option<Expr>,
    min_calls: Option<Expr>,
    slow_call: Option<Period>,
    failure: Failure,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[KEYS, Failure::KEYS, KEYED, Common::KEYS];
    let mut arguments = Arguments::parse("`#[circuit_breaker]`", input.args.clone(), keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take_of_function(&mut arguments, input.function, errors);
    let mut required =
        |name, how, errors: &mut Errors| required(&mut arguments, name, input.span, how, errors);
    let rate = "at which share of failed calls does it open? Write `errors_rate = 50`";
    let rate = required("errors_rate", rate, errors);
    let period = required("period", "over how much time are calls counted? Write `period = \"1m\"`", errors);
    let ttl = required("ttl", "how long does it stay open? Write `ttl = \"30s\"`", errors);
    let rate = rate.and_then(|(key, expr)| Number::percent(&key, expr, errors));
    let period = period.and_then(|(key, expr)| Period::parse(&key, expr, errors));
    let ttl = ttl.and_then(|(key, expr)| Period::parse(&key, expr, errors));
    // An option that is wrong is told, and then the attribute is not expanded.
    let mut duration = |name, errors: &mut Errors| {
        arguments.expr(name).and_then(|(key, expr)| Period::parse(&key, expr, errors))
    };
    let (half_open_ttl, slow_call) = (duration("half_open_ttl", errors), duration("slow_call", errors));
    let mut count = |name, most, errors: &mut Errors| {
        arguments.expr(name).and_then(|(key, expr)| value::count(&key, expr, most, errors))
    };
    let half_open_calls = count("half_open_calls", MOST_PROBES, errors);
    let min_calls = count("min_calls", u32::MAX, errors);
    let failure = Failure::take(&mut arguments, input.function, errors);
    Some(Box::new(CircuitBreaker {
        guard: Guard { common, key: key? },
        errors_rate: rate?,
        period: period?,
        ttl: ttl?,
        half_open_ttl,
        half_open_calls,
        min_calls,
        slow_call,
        failure,
    }))
}

impl CircuitBreaker {
    /// What calls are judged by; expressions are evaluated here, before the body.
    fn rule(&self) -> TokenStream {
        let (p, site) = (&self.guard.common.p, Span::mixed_site());
        let duration = quote!(::core::time::Duration);
        let mut code = TokenStream::new();
        let mut evaluate = |name: &str, ty: &TokenStream, value: &dyn ToTokens| {
            let name = Ident::new(name, site);
            let value = value.to_token_stream();
            let here = value::here(&value);
            let ty = moved(ty.clone(), here);
            code.extend(quote_spanned!(here=> let #name: #ty = #value;));
        };
        evaluate("__errors_rate", &quote!(f64), &self.errors_rate);
        evaluate("__period", &duration, &self.period);
        evaluate("__ttl", &duration, &self.ttl);
        match &self.half_open_ttl {
            Some(ttl) => evaluate("__half_open_ttl", &duration, ttl),
            None => evaluate("__half_open_ttl", &duration, &quote_spanned!(site=> __ttl)),
        }
        let or = |calls: &Option<Expr>, otherwise: u32| {
            calls.as_ref().map_or_else(|| quote!(#otherwise), ToTokens::to_token_stream)
        };
        evaluate("__half_open_calls", &quote!(u32), &or(&self.half_open_calls, 1));
        evaluate("__min_calls", &quote!(u32), &or(&self.min_calls, 10));
        let slow_call = if let Some(slow_call) = &self.slow_call {
            evaluate("__slow_call", &duration, slow_call);
            quote_spanned!(site=> ::core::option::Option::Some(__slow_call))
        } else {
            quote!(::core::option::Option::None)
        };
        quote_spanned! {site=>
            {
                #code
                #p::circuit_breaker::Breaker {
                    errors_rate: __errors_rate,
                    period: __period,
                    ttl: __ttl,
                    half_open_ttl: __half_open_ttl,
                    half_open_calls: __half_open_calls,
                    min_calls: __min_calls,
                    slow_call: #slow_call,
                }
            }
        }
    }

    /// What the breaker makes of the answer.
    fn leave(&self, frame: &Frame<'_>) -> TokenStream {
        let (p, site) = (&self.guard.common.p, Span::mixed_site());
        let (inside, output, error) = (inside(frame), frame.output, Ident::new("__error", site));
        let answer = if self.failure.is_said() {
            let fits = self.failure.matches(&error);
            quote_spanned! {site=>
                match &__out {
                    ::core::result::Result::Err(#error) if #fits => #p::circuit_breaker::Answer::Named,
                    _ => #p::circuit_breaker::Answer::Good,
                }
            }
        } else {
            quote_spanned! {site=>
                if #p::failed!(#output, &__out) {
                    #p::circuit_breaker::Answer::Bad
                } else {
                    #p::circuit_breaker::Answer::Good
                }
            }
        };
        quote_spanned! {site=>
            let __answer = #answer;
            __admitted.leave(__answer, #inside).await;
        }
    }
}

impl Layer for CircuitBreaker {
    fn private(&self) -> &Private {
        &self.guard.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        self.guard.state(function)
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let asking =
            Asking { module: "circuit_breaker", rule: self.rule(), leave: self.leave(frame), around: None };
        self.guard.wrap(frame, &asking)
    }
}
