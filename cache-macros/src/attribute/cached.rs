//! `#[cached]`: execute, store, return from the cache until it expires.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use super::{Attribute, Common, Described, Frame, Input, KEYED, Layer};
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::Arguments;
use crate::handle::{self, Handle, Named, Naming};
use crate::keeping::Keeping;
use crate::key::{Head, Key};
use crate::krate::Private;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "cached", stores: true, parse };

struct Cached {
    common: Common,
    key: Key,
    keeping: Keeping,
    handle: Option<Named>,
}

fn parse(input: Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[Keeping::KEYS, KEYED, Common::KEYS, Naming::KEYS];
    let mut arguments = Arguments::parse("`#[cached]`", input.args, keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, input.function, errors);
    let keeping = Keeping::take(&mut arguments, input.span, input.function, errors);
    let handle = handle::named(Naming::take(&mut arguments, errors), input.function, errors);
    if let (Some(handle), Some(key)) = (&handle, &key) {
        handle.check(key, errors);
    }
    Some(Box::new(Cached { common, key: key?, keeping: keeping?, handle }))
}

impl Cached {
    fn handle<'a>(&'a self, function: &'a Function) -> Option<Handle<'a>> {
        let Self { common, key, keeping, handle } = self;
        let named = handle.as_ref()?;
        Some(Handle::new(named, function, key, keeping, common))
    }
}

impl Layer for Cached {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, label, output, inner } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (head_text, cache) = (self.key.literal_head(), self.common.cache());
        let (buf, when) = (Ident::new("__key", site), Ident::new("__when", site));
        let handle = self.handle(function);
        let key = match &handle {
            Some(handle) => self.key.render(&buf, &handle.head(), p),
            None => self.key.render(&buf, &Head::Here, p),
        };
        let condition = self.common.when(&when);
        let bypass =
            if condition.is_some() { quote_spanned!(site=> !#when) } else { quote_spanned!(site=> false) };
        let Keeping { version, single_flight, .. } = &self.keeping;
        let undecodable = function.undecodable();
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
                let __settings = #p::cached::Settings {
                    version: #version,
                    single_flight: #single_flight,
                    bypass: #bypass,
                };
                #p::cached::enter(&__MACADAMIA_SITE, __cache, &mut #buf, __returns(), __settings)
            } {
                #p::Enter::Answer(__out) => break #label __out,
                #p::Enter::Go(__pending) => __pending,
            };
            let mut __lead = match __pending.lead(#p::Tags::new()).await {
                #p::Enter::Answer(__found) => match __found.answer(__returns()) {
                    #p::Enter::Answer(__out) => break #label __out,
                    #p::Enter::Go(__lead) => __lead,
                },
                #p::Enter::Go(__lead) => __lead,
            };
            #before
            let (__store, __value) = match {
                let __out: #output = __lead.run(#inner).await;
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
