//! `#[traced]`: a layer that keeps nothing and shows where it stands.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, LitStr};

use crate::attribute::{Attribute, Common, Frame, Input, Layer};
use crate::error::Errors;
use crate::grammar::{Arguments, Key, Shape};
use crate::krate::Private;
use crate::value;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "traced", stores: false, counts: false, parse };

const KEYS: &[Key] = &[Key("name", Shape::Value), Key("into", Shape::Value), Key("refuse", Shape::Value)];

struct Traced {
    common: Common,
    name: LitStr,
    into: Expr,
    refuse: Option<Expr>,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let mut arguments =
        Arguments::parse("`#[traced]`", input.args.clone(), &[KEYS, Common::KEYS], None, errors);
    let common = Common::take(&mut arguments, errors);
    let name = arguments.expr("name").and_then(|(key, expr)| value::text(&key, &expr, errors).cloned());
    let (into, refuse) = (arguments.expr("into"), arguments.expr("refuse"));
    if name.is_none() || into.is_none() {
        errors.push(input.span, "write `name = \"…\"` and `into = …`");
    }
    let refuse = refuse.map(|(_, expr)| expr);
    Some(Box::new(Traced { common, name: name?, into: into?.1, refuse }))
}

impl Layer for Traced {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { label, output, inner, .. } = frame;
        let Self { common, name, into, refuse } = self;
        let (site, when) = (Span::mixed_site(), Ident::new("__when", Span::mixed_site()));
        let condition = common.when(&when);
        let when = condition.is_some().then(|| quote_spanned!(site=> if #when));
        let otherwise = when.is_some().then(|| quote_spanned!(site=> else { ::core::option::Option::None }));
        let refuse = refuse.as_ref().map(|refuse| {
            quote_spanned! {site=>
                if let ::core::option::Option::Some(__out) = #refuse {
                    break #label __out;
                }
            }
        });
        quote_spanned! {site=>
            #condition
            let __token = #when { ::core::option::Option::Some(#into.enter(#name)) } #otherwise;
            #refuse
            let __out: #output = #inner.await;
            if let ::core::option::Option::Some(__token) = __token {
                __token.leave();
            }
            __out
        }
    }
}
