//! `#[cached]`: execute, store, return from the cache until it expires.

mod many;

use proc_macro2::TokenStream;
use quote::quote;

use self::many::Many;
use super::{Attribute, Described, Frame, Input, Layer};
use crate::error::Errors;
use crate::function::Function;
use crate::handle::Handle;
use crate::keeper::{Keeper, Kept};
use crate::key::Key;
use crate::krate::Private;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "cached", stores: true, counts: false, parse };

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let Input { function, .. } = *input;
    let (draft, mut arguments) = Keeper::parse(&ATTRIBUTE, &[Many::KEYS], input, errors);
    let (keeper, many) = (draft.whole(), Many::take(&mut arguments, function, errors));
    if let (Some(many), Some(keeper)) = (&many, &keeper) {
        many.check(Some(&keeper.key), function, &keeper.keeping, errors);
    }
    let keeper = keeper?;
    let p = &keeper.common.p;
    let policy = quote!(#p::cached::Policy::Keep);
    let Some(many) = many else { return Some(Box::new(Kept::new(keeper, policy))) };
    let one = many.of_one(function, p);
    Some(Box::new(OfMany { keeper, policy, many, one }))
}

/// The layer of a function of many elements.
struct OfMany {
    keeper: Keeper,
    policy: TokenStream,
    many: Many,
    /// The function of one element.
    one: Function,
}

impl OfMany {
    fn handle<'a>(&'a self, function: &'a Function) -> Option<Handle<'a>> {
        self.keeper.handle(&self.one, function, None)
    }
}

impl Layer for OfMany {
    fn private(&self) -> &Private {
        &self.keeper.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        self.wrap_many(frame)
    }

    fn beside(&self, function: &Function, resorts: &[&Key]) -> TokenStream {
        self.handle(function).map(|handle| handle.with_resorts(resorts).tokens()).unwrap_or_default()
    }

    fn described(&self, function: &Function) -> Option<Described> {
        Some(self.keeper.described(function, self.handle(function).as_ref()))
    }
}
