//! `#[fail]`: when the function fails, answer with what it last gave.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ReturnType;

use super::{Attribute, Common, Described, Frame, Input, KEYED, Layer};
use crate::codec::Codec;
use crate::error::Errors;
use crate::failure::Failure;
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::handle::{self, Handle, Named, Naming};
use crate::keeping::Keeping;
use crate::key::{Head, Key, Kind};
use crate::krate::Private;
use crate::value::{self, Place, Ttl};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "fail", stores: false, counts: true, parse };

const KEYS: &[Argument] = &[Argument("ttl", Shape::Value), Codec::KEY];

struct Fail {
    common: Common,
    /// With the reserved prefix.
    key: Key,
    keeping: Keeping,
    failure: Failure,
    handle: Option<Named>,
    /// No other attribute of the function stores values.
    alone: bool,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let Input { span, function, stack, depth, .. } = *input;
    let keys = &[KEYS, Failure::KEYS, KEYED, Common::KEYS, Naming::KEYS];
    let mut arguments = Arguments::parse("`#[fail]`", input.args.clone(), keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, function, errors).map(|key| key.under(handle::RESORTS));
    let failure = Failure::take(&mut arguments, function, errors);
    let codec = Codec::take(&mut arguments, function, errors);
    let keeping = if let Some((name, expr)) = arguments.expr("ttl") {
        let ttl = Ttl::parse(&name, expr, Place::Absence, errors);
        ttl.map(|ttl| Keeping::plain(ttl, codec, function, errors))
    } else {
        if !arguments.is_misread("ttl") {
            errors
                .push(span, "for how long is an answer good? Write `ttl = \"2h\"` (or `ttl = \"forever\"`)");
        }
        None
    };
    let owner = stack.iter().find(|applied| applied.attribute.stores);
    let first = stack.iter().position(|applied| applied.attribute.name == ATTRIBUTE.name);
    let handle = if owner.is_none() && first == Some(depth) {
        handle::named(Naming::take(&mut arguments, errors), function, errors)
    } else {
        if let Some(given) = arguments.take("handle") {
            let owner = owner.map_or(ATTRIBUTE.name, |applied| applied.attribute.name);
            errors.push(
                given.key.span(),
                format!(
                    "a function has one handle, and the `#[{owner}]` beside this has it: say `handle` there"
                ),
            );
        }
        None
    };
    if let (Some(handle), Some(key)) = (&handle, &key) {
        handle.check(key, errors);
    }
    Some(Box::new(Fail { common, key: key?, keeping: keeping?, failure, handle, alone: owner.is_none() }))
}

impl Fail {
    fn handle<'a>(&'a self, function: &'a Function) -> Option<Handle<'a>> {
        let named = self.handle.as_ref()?;
        Some(Handle::new(named, function, function, &self.key, &self.keeping, &self.common, None))
    }

    /// What writes the key into `__key`.
    fn rendered(&self, function: &Function) -> TokenStream {
        let (buf, p) = (Ident::new("__key", Span::mixed_site()), &self.common.p);
        match self.handle(function) {
            Some(handle) => self.key.render(&buf, &handle.head(), p),
            None => self.key.render(&buf, &Head::Here, p),
        }
    }

    /// Asks of the return type that it can be an `Err`, and that its value can be kept.
    fn asks(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, output, .. } = frame;
        // Complaints are about the return type; where none is written, about the function.
        let here = match function.sig.output {
            ReturnType::Default => value::here(&function.sig.ident),
            ReturnType::Type(..) => value::here(output),
        };
        let p = self.common.p.at(here);
        let storable = self.keeping.asks(output, &self.common.p);
        quote_spanned! {here=>
            #[allow(clippy::all, clippy::pedantic)]
            if false {
                #p::returns::can_fail(&__returns().shape());
            }
            #storable
        }
    }

    /// Whether an error is one of those that are meant, and what to tell of it then.
    fn failure(&self) -> TokenStream {
        let (p, site) = (&self.common.p, Span::mixed_site());
        let error = Ident::new("__error", site);
        let hidden = quote_spanned! {site=>
            ::core::option::Option::Some(#p::hidden!(__returns().of_error(), #error))
        };
        if !self.failure.is_said() {
            return quote_spanned!(site=> |#error| #hidden);
        }
        let matches = self.failure.matches(&error);
        quote_spanned!(site=> |#error| if #matches { #hidden } else { ::core::option::Option::None })
    }
}

impl Layer for Fail {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        (!matches!(self.key.kind, Kind::Code { .. })).then(|| self.key.readable(function))
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, output, inner, counts, .. } = frame;
        let (p, site, alone) = (&self.common.p, Span::mixed_site(), self.alone);
        let (buf, when) = (Ident::new("__key", site), Ident::new("__when", site));
        let condition = self.common.when(&when);
        let bypass = if condition.is_some() { quote!(!#when) } else { quote!(false) };
        let (cache, key, undecodable) =
            (self.common.cache(), self.rendered(function), function.undecodable().to_token_stream());
        let handle = self.handle(function);
        let returns = self.keeping.returns(&quote_spanned!(site=> #undecodable #output), handle.as_ref(), p);
        let (asks, before, failure) = (self.asks(frame), self.keeping.before(p), self.failure());
        let recall = frame.note("recall");
        // Whoever counts knows by itself.
        let refused = frame.asks("is_refused").filter(|_| *counts);
        let refused = refused.map(|is| quote_spanned!(site=> if #is { __watch.refused(); }));
        quote_spanned! {site=>
            // A closure, because a future keeps nothing of it.
            let __returns = || #returns;
            #asks
            let __entering = {
                let __cache = #cache;
                #condition
                let mut #buf = #p::KeyBuf::new();
                // A default key holds `_unused` too: who calls with another value may expect another answer.
                #[allow(clippy::used_underscore_binding)]
                { #key }
                let __settings = #p::fail::Settings { bypass: #bypass, counts: #counts, alone: #alone };
                #p::fail::enter(&__MACADAMIA_FN, __cache, &mut #buf, __returns(), __settings)
            };
            let mut __watch = __entering.await;
            #before
            match {
                let __out: #output = __watch.run(#inner).await;
                #refused
                __watch.leave(__returns(), __out, __ttl, #failure)
            } {
                #p::fail::Left::Answer(__out) => __out,
                #p::fail::Left::Keeping(__keeping, __out) => {
                    __keeping.await;
                    __out
                }
                #p::fail::Left::Failed(__looking, __out) => {
                    let __last = match __looking.await {
                        ::core::option::Option::Some(__recall) => __recall.answer(__returns()),
                        ::core::option::Option::None => ::core::option::Option::None,
                    };
                    match __last {
                        ::core::option::Option::Some(__last) => {
                            #recall
                            __last
                        }
                        ::core::option::Option::None => __out,
                    }
                }
            }
        }
    }

    fn beside(&self, function: &Function, resorts: &[&Key]) -> TokenStream {
        self.handle(function).map(|handle| handle.with_resorts(resorts).tokens()).unwrap_or_default()
    }

    fn resort(&self) -> Option<&Key> {
        Some(&self.key)
    }

    fn described(&self, function: &Function) -> Option<Described> {
        // Where values are stored, that is the function's line.
        self.alone.then(|| Described {
            template: self.key.template(),
            ttl: self.keeping.ttl.text().map(str::to_owned),
            unkeyed: self.key.unkeyed(function),
            counters: self.handle(function).and_then(|handle| handle.counters()),
        })
    }
}
