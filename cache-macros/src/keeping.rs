//! What every value strategy takes: how long and under which conditions an answer is kept.

mod absent;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, ExprLit, Lit, Pat};

use self::absent::{err_ttl, refuse_idle};

use crate::codec::Codec;
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Arguments, Key, Shape};
use crate::handle::Handle;
use crate::krate::Private;
use crate::placeholder::Scope;
use crate::tags::Tags;
use crate::value::{self, Period, Place, Ttl};

/// The options of storing.
pub(crate) struct Keeping {
    pub(crate) ttl: Ttl,
    condition: Option<Expr>,
    time_condition: Option<Period>,
    none_ttl: Option<Ttl>,
    err_ttl: ErrTtl,
    /// Where `none_ttl` and `err_ttl` stand.
    places: (Option<Span>, Option<Span>),
    jitter: Option<f64>,
    pub(crate) single_flight: bool,
    /// The lease of a computation, in milliseconds, and where it was asked for.
    pub(crate) lock: Option<(Span, u64)>,
    pub(crate) version: u32,
    pub(crate) tags: Tags,
    pub(crate) codec: Option<Codec>,
}

/// Which errors are kept, and how long.
enum ErrTtl {
    None,
    All(Ttl),
    /// The first pattern that fits decides.
    Arms(Vec<(Pat, Ttl)>),
}

impl Keeping {
    pub(crate) const KEYS: &[Key] = &[
        Key("ttl", Shape::Value),
        Key("condition", Shape::Value),
        Key("time_condition", Shape::Value),
        Key("none_ttl", Shape::Value),
        Key("err_ttl", Shape::ValueOrList),
        Key("jitter", Shape::Value),
        Key("single_flight", Shape::Value),
        Key("version", Shape::Value),
        Key("tags", Shape::Value),
        Key("lock", Shape::Value),
        Codec::KEY,
    ];

    /// Keeps every value for so long, and nothing else.
    pub(crate) fn plain(ttl: Ttl, codec: Option<Codec>, function: &Function, errors: &mut Errors) -> Self {
        refuse_borrowed(function, errors);
        Self {
            ttl,
            condition: None,
            time_condition: None,
            none_ttl: None,
            err_ttl: ErrTtl::None,
            places: (None, None),
            jitter: None,
            single_flight: true,
            lock: None,
            version: 0,
            tags: Tags::default(),
            codec,
        }
    }

    /// Takes the options out of the arguments of the attribute at `span`.
    pub(crate) fn take(
        arguments: &mut Arguments,
        span: Span,
        function: &Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let ttl = if let Some((key, expr)) = arguments.expr("ttl") {
            Ttl::parse(&key, expr, Place::Value, errors)
        } else {
            if !arguments.is_misread("ttl") {
                errors.push(span, "how long? Write `ttl = \"3h\"` (or `ttl = \"forever\"`)");
            }
            None
        };
        let condition = arguments.expr("condition").map(|(_, expr)| expr);
        if let Some(literal @ Expr::Lit(_)) = &condition {
            errors
                .at(literal, "`condition` looks at the value: write `|value| …`, or the name of a function");
        }
        let time_condition =
            arguments.expr("time_condition").and_then(|(key, expr)| Period::parse(&key, expr, errors));
        let none_ttl = arguments.expr("none_ttl");
        let err_ttl_given = arguments.take("err_ttl");
        let places = (
            none_ttl.as_ref().map(|(key, _)| key.span()),
            err_ttl_given.as_ref().map(|given| given.key.span()),
        );
        refuse_idle(places, function, errors);
        let none_ttl = none_ttl.and_then(|(key, expr)| Ttl::parse(&key, expr, Place::Absence, errors));
        let err_ttl = err_ttl(err_ttl_given, errors);
        let jitter = arguments.expr("jitter").and_then(|(key, expr)| value::share(&key, &expr, errors));
        let single_flight =
            arguments.expr("single_flight").and_then(|(key, expr)| value::switch(&key, &expr, errors));
        let lock = arguments.expr("lock").and_then(|(key, expr)| lease(&key, expr, errors));
        let version = arguments.expr("version").and_then(|(key, expr)| value::number(&key, &expr, errors));
        let codec = Codec::take(arguments, function, errors);
        let keeping = Self {
            ttl: ttl?,
            condition,
            time_condition,
            none_ttl,
            err_ttl,
            places,
            jitter,
            single_flight: single_flight.unwrap_or(true),
            lock,
            version: version.unwrap_or(0),
            tags: Tags::take(arguments, Scope::Function(function), errors),
            codec,
        };
        keeping.check(function, errors);
        Some(keeping)
    }

    fn check(&self, function: &Function, errors: &mut Errors) {
        let output = function.output();
        if let syn::Type::Path(syn::TypePath { qself: None, path, .. }) = &output
            && let Some(name) = path.get_ident()
            && self.condition.is_none()
            && function.generics().any(|generic| generic == name)
        {
            errors.at(
                &output,
                format!(
                    "`{name}` may be a `Result`, and its `Err` would be kept like a value: say what to \
                    keep with `condition = |value| …`"
                ),
            );
        }
        refuse_borrowed(function, errors);
    }

    /// What is known of this return type, and by which codec its values become bytes: the handle has it, if there is
    /// one, so that a mistake in it is told once.
    pub(crate) fn returns(
        &self,
        output: &TokenStream,
        handle: Option<&Handle<'_>>,
        p: &Private,
    ) -> TokenStream {
        let site = Span::mixed_site();
        let by = self.codec.as_ref().map(|codec| {
            let held = codec.held(p);
            let codec = handle.and_then(Handle::codec).unwrap_or_else(|| quote_spanned!(site=> { #held }));
            quote_spanned!(site=> .by(::core::option::Option::Some(#codec)))
        });
        quote_spanned!(site=> #p::returns!(#output) #by)
    }

    /// Asks of the return type what storing needs, each where it was asked for, so that a type that cannot do it
    /// is one build error.
    pub(crate) fn asks(&self, output: &syn::Type, p: &Private) -> TokenStream {
        let ask = |here: Span, question: TokenStream| {
            let (here, p) = (Span::mixed_site().located_at(here), p.at(here));
            quote_spanned!(here=> #p::returns::#question;)
        };
        let mut asked =
            ask(output.span(), quote_spanned!(value::here(output)=> storable(&__returns().of_value())));
        if let Some(here) = self.places.0 {
            asked.extend(ask(
                here,
                quote_spanned!(Span::mixed_site().located_at(here)=> can_be_absent(&__returns().shape())),
            ));
        }
        if let Some(here) = self.places.1 {
            let site = Span::mixed_site().located_at(here);
            asked.extend(ask(here, quote_spanned!(site=> can_be_err(&__returns().shape()))));
            asked.extend(ask(here, quote_spanned!(site=> storable_error(&__returns().of_error()))));
        }
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::all, clippy::pedantic)]
            if false {
                #asked
            }
        }
    }

    /// Statements before the body: its parameters are moved into it.
    pub(crate) fn before(&self, p: &Private) -> TokenStream {
        let mut code = TokenStream::new();
        let mut evaluate = |name: &str, ttl: &Ttl| {
            let (name, result) = (local(name), ttl.result(p));
            if !result.is_empty() {
                code.extend(quote!(let #name = #result;));
            }
        };
        evaluate("__ttl", &self.ttl);
        if let Some(ttl) = &self.none_ttl {
            evaluate("__none_ttl", ttl);
        }
        match &self.err_ttl {
            ErrTtl::None => {}
            ErrTtl::All(ttl) => evaluate("__err_ttl", ttl),
            ErrTtl::Arms(arms) => {
                for (index, (_, ttl)) in arms.iter().enumerate() {
                    evaluate(&format!("__err_ttl{index}"), ttl);
                }
            }
        }
        if let Some(period) = &self.time_condition {
            let name = local("__time_condition");
            code.extend(quote!(let #name: ::core::time::Duration = #period;));
        }
        code
    }

    /// Where `err_ttl` stands.
    pub(crate) const fn err_ttl_place(&self) -> Option<Span> {
        self.places.1
    }

    /// The calls between `keep(&out)` and `done()`, after the body.
    pub(crate) fn after(&self) -> TokenStream {
        self.calls(&given)
    }

    /// The same, more than once.
    pub(crate) fn after_each(&self) -> TokenStream {
        self.calls(&|option| {
            let (method, local) = (format_ident!("{option}"), local(&format!("__{option}")));
            quote!(.#method(::core::clone::Clone::clone(&#local)))
        })
    }

    fn calls(&self, given: &dyn Fn(&str) -> TokenStream) -> TokenStream {
        let mut calls = match &self.ttl {
            Ttl::Closure(closure) => ttl_with(closure),
            Ttl::Fixed(..) | Ttl::Expr(_) => given("ttl"),
        };
        if let Some(condition) = &self.condition {
            calls.extend(quote!(.condition(#condition)));
        }
        if self.time_condition.is_some() {
            calls.extend(given("time_condition"));
        }
        if self.none_ttl.is_some() {
            calls.extend(given("none_ttl"));
        }
        match &self.err_ttl {
            ErrTtl::None => {}
            ErrTtl::All(_) => calls.extend(given("err_ttl")),
            ErrTtl::Arms(arms) => calls.extend(err_ttl_with(arms)),
        }
        if let Some(jitter) = self.jitter {
            calls.extend(quote!(.jitter(#jitter)));
        }
        calls
    }
}

fn refuse_borrowed(function: &Function, errors: &mut Errors) {
    if let Some(borrowed) = function.borrows() {
        errors.at(
            borrowed,
            "what is cached outlives the call, so it cannot be borrowed: return an \
            owned value, such as `String` or `Arc<T>`",
        );
    }
}

/// `true`, `false`, or how long.
fn lease(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<(Span, u64)> {
    if let Expr::Lit(ExprLit { lit: Lit::Bool(value), .. }) = &expr {
        return value.value.then_some((key.span(), value::LEASE));
    }
    match Period::parse(key, expr, errors)? {
        Period::Millis(millis) => Some((key.span(), millis)),
        Period::Expr(expr) => {
            errors.at(expr, "`lock` is known before the call: `true`, `false`, or a lease such as \"10s\"");
            None
        }
    }
}

/// `.none_ttl(__none_ttl)`
fn given(option: &str) -> TokenStream {
    let (method, local) = (format_ident!("{option}"), local(&format!("__{option}")));
    quote!(.#method(#local))
}

fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn ttl_with(closure: &ExprClosure) -> TokenStream {
    quote!(.ttl_with(#closure))
}

fn err_ttl_with(arms: &[(Pat, Ttl)]) -> TokenStream {
    let arms = arms.iter().enumerate().map(|(index, (pattern, _))| {
        let local = local(&format!("__err_ttl{index}"));
        quote!(#pattern => ::core::option::Option::Some(#local))
    });
    quote_spanned!(Span::mixed_site()=> .err_ttl_with(|__error| match __error {
        #(#arms,)*
        #[allow(unreachable_patterns)]
        _ => ::core::option::Option::None,
    }))
}
