//! `#[early]`: computed anew before it expires, while everybody has the present value.

use quote::quote;

use super::{Attribute, Input, Layer};
use crate::detach::Arguments;
use crate::error::Errors;
use crate::grammar::{Key, Shape};
use crate::keeper::{Keeper, Kept};
use crate::refresh::{Fresh, background, chance};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "early", stores: true, counts: false, parse };

const KEYS: &[Key] =
    &[Key("early_ttl", Shape::Value), Key("background", Shape::Value), Key("beta", Shape::Value)];

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let Input { function, span, .. } = *input;
    let (draft, mut arguments) = Keeper::parse(&ATTRIBUTE, &[KEYS], input, errors);
    let chance = chance(&mut arguments, errors);
    let fresh = Fresh::take(&mut arguments, "early_ttl", chance.is_some(), draft.ttl(), span, errors);
    let background = background(&mut arguments, errors)?;
    let taken = Arguments::of(background, function, errors);
    let (keeper, fresh) = (draft.whole()?, fresh?);
    let p = &keeper.common.p;
    let kind = quote!(#p::cached::Policy::EARLY);
    let mut policy = kind.clone();
    if let Some(chance) = chance {
        policy.extend(quote!(.by_chance(#chance)));
    }
    if !background {
        policy.extend(quote!(.in_foreground()));
    }
    Some(Box::new(Kept::refreshed(keeper, policy, kind).fresh(&fresh).taken(taken?)))
}
