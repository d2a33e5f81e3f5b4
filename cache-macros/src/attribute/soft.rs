//! `#[soft]`: computed anew before it expires, and the present value if that fails.

use quote::quote;

use super::{Attribute, Input, Layer};
use crate::error::Errors;
use crate::failure::Failure;
use crate::grammar::{Key, Shape};
use crate::keeper::{Keeper, Kept};
use crate::refresh::Fresh;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "soft", stores: true, counts: false, parse };

const KEYS: &[Key] = &[Key("soft_ttl", Shape::Value)];

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let Input { function, span, .. } = *input;
    let (draft, mut arguments) = Keeper::parse(&ATTRIBUTE, &[KEYS, Failure::KEYS], input, errors);
    let fresh = Fresh::take(&mut arguments, "soft_ttl", false, draft.ttl(), span, errors);
    let failure = Failure::take(&mut arguments, function, errors);
    // With `errors`, that has been said.
    if let Some(returned) = function.returns_plainly().filter(|_| !failure.is_said()) {
        let name = function.name();
        errors.push(
            span,
            format!("`#[soft]` is for functions that can fail, and `{name}` returns {returned}: `#[early]` and `#[cached]` are for the others"),
        );
    }
    let (keeper, fresh) = (draft.whole()?, fresh?);
    let p = &keeper.common.p;
    let policy = quote!(#p::cached::Policy::Soft);
    Some(Box::new(Kept::refreshed(keeper, policy.clone(), policy).fresh(&fresh).failure(failure)))
}
