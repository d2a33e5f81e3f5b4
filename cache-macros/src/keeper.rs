//! What the strategies that keep values have in common: a layer that looks, shares, computes and stores.

mod detached;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use crate::attribute::{Attribute, Common, Described, Frame, Input, KEYED, Layer};
use crate::detach::Arguments as Taken;
use crate::error::Errors;
use crate::failure::Failure;
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument};
use crate::handle::{self, Handle, Named, Naming};
use crate::keeping::Keeping;
use crate::key::{Head, Key};
use crate::krate::Private;
use crate::refresh::Fresh;
use crate::value::{Ttl, here};

/// A strategy that keeps values, as far as it is like the others.
pub(crate) struct Keeper {
    pub(crate) common: Common,
    pub(crate) key: Key,
    pub(crate) keeping: Keeping,
    handle: Option<Named>,
}

/// A keeper as far as it could be read.
pub(crate) struct Draft {
    common: Common,
    key: Option<Key>,
    keeping: Option<Keeping>,
    handle: Option<Named>,
}

impl Draft {
    pub(crate) fn ttl(&self) -> Option<&Ttl> {
        self.keeping.as_ref().map(|keeping| &keeping.ttl)
    }

    /// The keeper, if nothing is wrong with it.
    pub(crate) fn whole(self) -> Option<Keeper> {
        let Self { common, key, keeping, handle } = self;
        Some(Keeper { common, key: key?, keeping: keeping?, handle })
    }
}

/// What one of them makes of a value that is there.
pub(crate) struct Strategy {
    /// The runtime's word for it.
    pub(crate) policy: TokenStream,
    /// For how long a value is fresh: a `Result<Fresh>`, evaluated before the body.
    pub(crate) fresh: Option<TokenStream>,
    /// Which errors a value that is there is the better answer to.
    pub(crate) failure: Option<Failure>,
    /// How its arguments are taken along where it computes beside the call.
    pub(crate) taken: Option<Taken>,
}

impl Keeper {
    /// Reads the arguments; what is left is the strategy's own.
    pub(crate) fn parse(
        attribute: &Attribute,
        own: &[&[Argument]],
        input: &Input<'_>,
        errors: &mut Errors,
    ) -> (Draft, Arguments) {
        let shared: &[&[Argument]] = &[KEYED, Common::KEYS, Naming::KEYS];
        let keys = [&[Keeping::KEYS], own, shared].concat();
        let Input { span, function, .. } = *input;
        let owner = format!("`#[{}]`", attribute.name);
        let mut arguments = Arguments::parse(&owner, input.args.clone(), &keys, None, errors);
        let common = Common::take(&mut arguments, errors);
        let key = Key::take(&mut arguments, function, errors);
        let keeping = Keeping::take(&mut arguments, span, function, errors);
        let handle = handle::named(Naming::take(&mut arguments, errors), function, errors);
        if let (Some(handle), Some(key)) = (&handle, &key) {
            handle.check(key, errors);
        }
        (Draft { common, key, keeping, handle }, arguments)
    }

    /// The handle, of one element where the function takes many; `marks` is what a stored value carries.
    pub(crate) fn handle<'a>(
        &'a self,
        one: &'a Function,
        whole: &'a Function,
        marks: Option<&'a TokenStream>,
    ) -> Option<Handle<'a>> {
        let Self { common, key, keeping, handle } = self;
        Some(Handle::new(handle.as_ref()?, one, whole, key, keeping, common, marks))
    }

    /// What writes the key into `__key`.
    pub(crate) fn rendered(&self, handle: Option<&Handle<'_>>) -> TokenStream {
        let (buf, p) = (Ident::new("__key", Span::mixed_site()), &self.common.p);
        match handle {
            Some(handle) => self.key.render(&buf, &handle.head(), p),
            None => self.key.render(&buf, &Head::Here, p),
        }
    }

    /// What is fixed before the call; `__when` is evaluated by then.
    pub(crate) fn settings(&self, policy: &TokenStream) -> TokenStream {
        let (p, site) = (&self.common.p, Span::mixed_site());
        let when = Ident::new("__when", site);
        let bypass = if self.common.when(&when).is_some() {
            quote_spanned!(site=> !#when)
        } else {
            quote_spanned!(site=> false)
        };
        let Keeping { version, single_flight, lock, .. } = &self.keeping;
        let lock = lock.map_or_else(
            || quote_spanned!(site=> ::core::option::Option::None),
            |(_, millis)| quote_spanned!(site=> ::core::option::Option::Some(#p::Ttl::from_millis(#millis))),
        );
        quote_spanned! {site=>
            #p::cached::Settings {
                version: #version, single_flight: #single_flight, lock: #lock, bypass: #bypass, policy: #policy,
            }
        }
    }

    /// The layer.
    pub(crate) fn wrap(&self, strategy: &Strategy, frame: &Frame<'_>) -> TokenStream {
        match &strategy.taken {
            Some(taken) => self.detached(strategy, taken, frame),
            None => self.inline(strategy, frame),
        }
    }

    /// Computed in place.
    fn inline(&self, strategy: &Strategy, frame: &Frame<'_>) -> TokenStream {
        let Frame { label, output, inner, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let refused = if_refused(frame, &quote_spanned!(site=> __lead.refused();));
        let (recall, tags) = (frame.note("recall"), self.keeping.tags.print(p));
        let (pending, before, after) =
            (self.pending(strategy, frame), self.before(strategy), self.after(strategy));
        let noted = noted(frame.outside.as_ref());
        quote_spanned! {site=>
            #pending
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
                __lead.leave(__returns(), __out, __kept, #noted)
            } {
                #p::Enter::Answer(__out) => break #label __out,
                #p::Enter::Go(__stored) => __stored,
            };
            __store.await;
            __returns().value(__value)
        }
    }

    /// The first look, from which a hit goes out at once.
    fn pending(&self, strategy: &Strategy, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, label, output, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (head_text, cache) = (self.key.literal_head(), self.common.cache());
        let (buf, condition) = (Ident::new("__key", site), self.common.when(&Ident::new("__when", site)));
        let handle = self.handle(function, function, None);
        let (key, settings) = (self.rendered(handle.as_ref()), self.settings(&strategy.policy));
        let (undecodable, recall) = (function.undecodable(), frame.note("recall"));
        let output_type = quote_spanned!(site=> #undecodable #output);
        let returns = self.keeping.returns(&output_type, handle.as_ref(), p);
        let (storable, fallible) = (self.keeping.asks(output, p), self.fallible(strategy, output));
        quote_spanned! {site=>
            static __MACADAMIA_SITE: #p::Site = #p::Site::new(&__MACADAMIA_FN, #head_text);
            // A closure, because a future keeps nothing of it.
            let __returns = || #returns;
            #storable
            #fallible
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
        }
    }

    /// Asks of the return type that there can be an error, where the strategy has something in place of one.
    fn fallible(&self, strategy: &Strategy, output: &Type) -> Option<TokenStream> {
        strategy.failure.as_ref()?;
        let here = here(output);
        let p = self.common.p.at(here);
        Some(quote_spanned! {here=>
            #[allow(clippy::all, clippy::pedantic)]
            if false {
                #p::returns::can_fail_anew(&__returns().shape());
            }
        })
    }

    /// Statements before the body.
    fn before(&self, strategy: &Strategy) -> TokenStream {
        let mut before = self.keeping.before(&self.common.p);
        if let Some(fresh) = &strategy.fresh {
            before.extend(quote_spanned!(Span::mixed_site()=> let __fresh = #fresh;));
        }
        before
    }

    /// The calls between `keep(&out)` and `done()`.
    fn after(&self, strategy: &Strategy) -> TokenStream {
        let (mut after, site) = (self.keeping.after(), Span::mixed_site());
        if strategy.fresh.is_some() {
            after.extend(quote_spanned!(site=> .fresh(__fresh)));
        }
        if let Some(failure) = strategy.failure.as_ref().filter(|failure| failure.is_said()) {
            let error = Ident::new("__error", site);
            let matches = failure.matches(&error);
            after.extend(quote_spanned!(site=> .errors(|#error| #matches)));
        }
        after
    }

    /// The layer's line in the registry.
    pub(crate) fn described(&self, function: &Function, handle: Option<&Handle<'_>>) -> Described {
        Described {
            template: self.key.template(),
            ttl: self.keeping.ttl.text().map(str::to_owned),
            unkeyed: self.key.unkeyed(function),
            counters: handle.and_then(Handle::counters),
        }
    }
}

/// A whole layer: a keeper, and its strategy.
pub(crate) struct Kept {
    keeper: Keeper,
    strategy: Strategy,
    /// What `set` of the handle puts on a value that is computed anew: a policy of its kind, and how long it is fresh.
    /// It has no parameters to evaluate anything with.
    marks: Option<(TokenStream, TokenStream)>,
}

impl Kept {
    /// Values answer until they expire.
    pub(crate) fn new(keeper: Keeper, policy: TokenStream) -> Self {
        Self { keeper, strategy: Strategy { policy, fresh: None, failure: None, taken: None }, marks: None }
    }

    /// Values are computed anew before; `kind` is a policy of that kind.
    pub(crate) fn refreshed(keeper: Keeper, policy: TokenStream, kind: TokenStream) -> Self {
        let p = &keeper.common.p;
        let marks = Some((kind, quote!(::core::result::Result::Ok(#p::cached::Fresh::Whole))));
        Self { marks, ..Self::new(keeper, policy) }
    }

    pub(crate) fn fresh(mut self, fresh: &Fresh) -> Self {
        let p = &self.keeper.common.p;
        if let (Some((_, until)), Some(known)) = (&mut self.marks, fresh.known(p)) {
            *until = known;
        }
        self.strategy.fresh = Some(fresh.result(p));
        self
    }

    pub(crate) fn failure(mut self, failure: Failure) -> Self {
        self.strategy.failure = Some(failure);
        self
    }

    pub(crate) fn taken(mut self, taken: Option<Taken>) -> Self {
        self.strategy.taken = taken;
        self
    }
}

impl Layer for Kept {
    fn private(&self) -> &Private {
        &self.keeper.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        self.keeper.wrap(&self.strategy, frame)
    }

    fn beside(&self, function: &Function, resorts: &[&Key]) -> TokenStream {
        let marks = self.marks.as_ref().map(|(kind, fresh)| quote!(#kind, #fresh));
        let handle = self.keeper.handle(function, function, marks.as_ref());
        handle.map(|handle| handle.with_resorts(resorts).tokens()).unwrap_or_default()
    }

    fn described(&self, function: &Function) -> Option<Described> {
        let handle = self.keeper.handle(function, function, None);
        Some(self.keeper.described(function, handle.as_ref()))
    }
}

/// Where a fallback is noted.
fn noted(notes: Option<&Ident>) -> TokenStream {
    let some = |notes| quote!(::core::option::Option::Some(#notes));
    notes.map_or_else(|| quote!(::core::option::Option::None), some)
}

/// What to do after the body if a layer inside has refused the call and told so.
pub(crate) fn if_refused(frame: &Frame<'_>, then: &TokenStream) -> Option<TokenStream> {
    let is_refused = frame.asks("is_refused")?;
    Some(quote_spanned!(Span::mixed_site()=> if #is_refused { #then }))
}
