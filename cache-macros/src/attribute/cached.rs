//! `#[cached]`: execute, store, return from the cache until it expires.

mod many;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use self::many::Many;
use super::{Attribute, Common, Described, Frame, Input, KEYED, Layer};
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::Arguments;
use crate::handle::{self, Handle, Named, Naming};
use crate::keeping::Keeping;
use crate::key::{Head, Key};
use crate::krate::Private;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "cached", stores: true, counts: false, parse };

struct Cached {
    common: Common,
    key: Key,
    keeping: Keeping,
    handle: Option<Named>,
    /// Beside it the function of one element.
    many: Option<(Many, Function)>,
}

fn parse(input: Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[Keeping::KEYS, Many::KEYS, KEYED, Common::KEYS, Naming::KEYS];
    let mut arguments = Arguments::parse("`#[cached]`", input.args, keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, input.function, errors);
    let many = Many::take(&mut arguments, input.function, errors);
    let keeping = Keeping::take(&mut arguments, input.span, input.function, errors);
    let handle = handle::named(Naming::take(&mut arguments, errors), input.function, errors);
    if let (Some(handle), Some(key)) = (&handle, &key) {
        handle.check(key, errors);
    }
    if let (Some(many), Some(keeping)) = (&many, &keeping) {
        many.check(key.as_ref(), input.function, keeping.err_ttl_place(), errors);
    }
    let many = many.map(|many| {
        let one = many.of_one(input.function, &common.p);
        (many, one)
    });
    Some(Box::new(Cached { common, key: key?, keeping: keeping?, handle, many }))
}

impl Cached {
    fn handle<'a>(&'a self, function: &'a Function) -> Option<Handle<'a>> {
        let Self { common, key, keeping, handle, many } = self;
        let named = handle.as_ref()?;
        let one = many.as_ref().map_or(function, |(_, one)| one);
        Some(Handle::new(named, one, function, key, keeping, common))
    }

    /// What writes the key into `__key`.
    fn rendered(&self, function: &Function) -> TokenStream {
        let (buf, p) = (Ident::new("__key", Span::mixed_site()), &self.common.p);
        match self.handle(function) {
            Some(handle) => self.key.render(&buf, &handle.head(), p),
            None => self.key.render(&buf, &Head::Here, p),
        }
    }

    /// What to do after the body if a layer inside has refused the call and told so.
    fn if_refused(frame: &Frame<'_>, then: &TokenStream) -> Option<TokenStream> {
        let is_refused = frame.asks("is_refused")?;
        Some(quote_spanned!(Span::mixed_site()=> if #is_refused { #then }))
    }

    /// What is fixed before the call; `__when` is evaluated by then.
    fn settings(&self) -> TokenStream {
        let (p, site) = (&self.common.p, Span::mixed_site());
        let when = Ident::new("__when", site);
        let bypass = if self.common.when(&when).is_some() {
            quote_spanned!(site=> !#when)
        } else {
            quote_spanned!(site=> false)
        };
        let Keeping { version, single_flight, .. } = &self.keeping;
        quote_spanned! {site=>
            #p::cached::Settings { version: #version, single_flight: #single_flight, bypass: #bypass }
        }
    }
}

impl Layer for Cached {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        if let Some((many, _)) = &self.many {
            return self.wrap_many(many, frame);
        }
        let Frame { function, label, output, inner, .. } = frame;
        let refused = Self::if_refused(frame, &quote_spanned!(Span::mixed_site()=> __lead.refused();));
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (head_text, cache, tags) =
            (self.key.literal_head(), self.common.cache(), self.keeping.tags.print(p));
        let (buf, condition) = (Ident::new("__key", site), self.common.when(&Ident::new("__when", site)));
        let (key, settings) = (self.rendered(function), self.settings());
        let (undecodable, recall) = (function.undecodable(), frame.note("recall"));
        let storable = self.keeping.asks(output, p);
        let (before, after) = (self.keeping.before(p), self.keeping.after());
        quote_spanned! {site=>
            static __MACADAMIA_SITE: #p::Site = #p::Site::new(&__MACADAMIA_FN, #head_text);
            // A closure, because a future keeps nothing of it.
            let __returns = || #p::returns!(#undecodable #output);
            #storable
            // Scrutinees and not variables, here and below: a future must not hold an answer while it waits.
            let __pending = match {
                let __cache = #cache;
                #condition
                let mut #buf = #p::KeyBuf::new();
                // A default key holds `_unused` too: who calls with another value may expect another answer.
                #[allow(clippy::used_underscore_binding)]
                { #key }
                let __settings = #settings;
                #p::cached::enter(&__MACADAMIA_SITE, __cache, &mut #buf, __returns(), __settings)
            } {
                #p::Enter::Answer(__out) => {
                    #recall
                    break #label __out;
                }
                #p::Enter::Go(__pending) => __pending,
            };
            let mut __lead = match __pending.lead(#tags).await {
                #p::Enter::Answer(__found) => match __found.answer(__returns()) {
                    #p::Enter::Answer(__out) => {
                        #recall
                        break #label __out;
                    }
                    #p::Enter::Go(__lead) => __lead,
                },
                #p::Enter::Go(__lead) => __lead,
            };
            #before
            let (__store, __value) = match {
                let __out: #output = __lead.run(#inner).await;
                #refused
                let __kept = __lead.keep(__returns(), &__out) #after .done();
                __lead.leave(__returns(), __out, __kept)
            } {
                #p::Enter::Answer(__out) => break #label __out,
                #p::Enter::Go(__stored) => __stored,
            };
            __store.await;
            __returns().value(__value)
        }
    }

    fn beside(&self, function: &Function) -> TokenStream {
        self.handle(function).map(|handle| handle.tokens()).unwrap_or_default()
    }

    fn described(&self, function: &Function) -> Option<Described> {
        Some(Described {
            template: self.key.template(),
            ttl: self.keeping.ttl.text().map(str::to_owned),
            unkeyed: self.key.unkeyed(function),
            counters: self.handle(function).and_then(|handle| handle.counters()),
        })
    }
}
