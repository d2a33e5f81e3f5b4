//! Computed in place or in a task of its own: the body is one block that owns what it needs, and runs once.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::{Keeper, Strategy, if_refused, noted};
use crate::attribute::Frame;
use crate::detach::Arguments;
use crate::value::here;

impl Keeper {
    pub(super) fn detached(&self, strategy: &Strategy, taken: &Arguments, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, label, output, inner, inside, outside, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (own, lend) = (taken.own(function, p), taken.lend(function, p));
        let (inner, after) = (taken.follow(inner.clone()), taken.follow(self.after(strategy)));
        let (recall, tags) = (frame.note("recall"), self.keeping.tags.print(p));
        let (pending, before) = (self.pending(strategy, frame), self.before(strategy));
        let refused = if_refused(frame, &quote_spanned!(site=> __lead.refused();));
        // Layers inside leave their notes where the body is; whoever computes in place hands them on.
        let kept = Ident::new("__notes", site);
        let shared = inside.as_ref().or(outside.as_ref());
        let declared = shared.map(|inside| {
            quote_spanned! {site=>
                let #kept = #p::Inside::new();
                let #inside = &#kept;
            }
        });
        let told = if shared.is_some() { quote!(#kept) } else { quote!(()) };
        let note = noted(shared);
        let handed = shared.map(|inside| quote_spanned!(site=> #inside.absorb(&__noted);));
        // What is said of the body as a whole is said at the function's name.
        let named = here(&function.sig.ident);
        let boxed = quote_spanned!(named=> ::std::boxed::Box::pin);
        quote_spanned! {site=>
            #pending
            let (mut __lead, __present) = match __pending.lead_or_detach(#tags).await {
                #p::cached::Entered::Answer(__found) => match __found.answer(__returns()) {
                    #p::Enter::Answer(__out) => {
                        #recall
                        break #label __out;
                    }
                    #p::Enter::Go(__lead) => (__lead, ::core::option::Option::None),
                },
                #p::cached::Entered::Go(__lead) => (__lead, ::core::option::Option::None),
                #p::cached::Entered::Beside(__present, __lead) => {
                    (__lead, ::core::option::Option::Some(__present))
                }
            };
            #before
            #own
            let __compute = async move |mut __lead: #p::cached::Lead| {
                #lend
                #declared
                let (__store, __value) = match {
                    let __out: #output = __lead.run(#inner).await;
                    #refused
                    let __kept = __lead.keep(__returns(), &__out) #after .done();
                    __lead.leave(__returns(), __out, __kept, #note)
                } {
                    #p::Enter::Answer(__out) => return (__out, #told),
                    #p::Enter::Go(__stored) => __stored,
                };
                __store.await;
                (__returns().value(__value), #told)
            };
            if let ::core::option::Option::Some(__out) =
                ::core::option::Option::and_then(__present, |__present| __present.answer(__returns()))
            {
                #p::refresh::detach(#boxed(async move {
                    if __lead.begin().await {
                        #p::refresh::over(__compute(__lead).await);
                    }
                }));
                #recall
                break #label __out;
            }
            let (__out, __noted) = __compute(__lead).await;
            #handed
            __out
        }
    }
}
