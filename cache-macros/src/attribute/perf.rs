//! `#[perf]`: a function that has become slow is spared for a while.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::guard::{Asking, Guard, inside, required};
use super::{Attribute, Common, Frame, Input, KEYED, Layer};
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::key::Key;
use crate::krate::Private;
use crate::value::{self, Number, Period};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "perf", stores: false, counts: true, parse };

const KEYS: &[Argument] =
    &[Argument("ttl", Shape::Value), Argument("trace_size", Shape::Value), Argument("factor", Shape::Value)];

/// The longest trace that the runtime keeps.
const LONGEST: u32 = 128;

struct Perf {
    guard: Guard,
    ttl: Period,
    trace_size: Option<Expr>,
    factor: Option<Number>,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[KEYS, KEYED, Common::KEYS];
    let mut arguments = Arguments::parse("`#[perf]`", input.args.clone(), keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take_of_function(&mut arguments, input.function, errors);
    let how = "for how long is a slow function spared? Write `ttl = \"5m\"`";
    let ttl = required(&mut arguments, "ttl", input.span, how, errors);
    let ttl = ttl.and_then(|(key, expr)| Period::parse(&key, expr, errors));
    let trace_size = arguments.expr("trace_size");
    let trace_size = trace_size.and_then(|(key, expr)| value::count(&key, expr, LONGEST, errors));
    let factor = arguments.expr("factor");
    let factor = factor.and_then(|(key, expr)| Number::factor(&key, expr, errors));
    Some(Box::new(Perf { guard: Guard { common, key: key? }, ttl: ttl?, trace_size, factor }))
}

impl Perf {
    /// What calls are judged by; expressions are evaluated here, before the body.
    fn rule(&self) -> TokenStream {
        let (p, site) = (&self.guard.common.p, Span::mixed_site());
        let ttl = &self.ttl;
        let trace_size = self.trace_size.as_ref().map_or_else(|| quote!(10), ToTokens::to_token_stream);
        let factor = self.factor.as_ref().map_or_else(|| quote!(2f64), ToTokens::to_token_stream);
        let ttl = quote_spanned!(value::here(ttl)=> let __ttl: ::core::time::Duration = #ttl;);
        let trace_size = quote_spanned!(value::here(&trace_size)=> let __trace_size: u32 = #trace_size;);
        let factor = quote_spanned!(value::here(&factor)=> let __factor: f64 = #factor;);
        quote_spanned! {site=>
            {
                #ttl
                #trace_size
                #factor
                #p::perf::Perf { trace_size: __trace_size, factor: __factor, ttl: __ttl }
            }
        }
    }
}

impl Layer for Perf {
    fn private(&self) -> &Private {
        &self.guard.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        self.guard.state(function)
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let (p, output, inside) = (&self.guard.common.p, frame.output, inside(frame));
        let leave = quote_spanned! {Span::mixed_site()=>
            let __failed = #p::failed!(#output, &__out);
            __admitted.leave(__failed, #inside).await;
        };
        let asking = Asking { module: "perf", rule: self.rule(), leave, around: None };
        self.guard.wrap(frame, &asking)
    }
}
