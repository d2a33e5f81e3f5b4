//! What attributes that may refuse a call have in common: a state under a key, a way in, and a refusal.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ReturnType};

use super::{Common, Frame};
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::Arguments;
use crate::key::{Head, Key, Kind};
use crate::tokens::moved;
use crate::value;

/// Where the state is, and which cache is asked.
pub(crate) struct Guard {
    pub(crate) common: Common,
    pub(crate) key: Key,
}

/// What one of them prints by itself.
pub(crate) struct Asking<'a> {
    /// Its module in the runtime, with its `enter`.
    pub(crate) module: &'a str,
    /// What its calls are judged by: an expression, evaluated before the body.
    pub(crate) rule: TokenStream,
    /// Statements behind the answer `__out`, by which `__admitted` is left.
    pub(crate) leave: TokenStream,
    /// What it has around the layers inside: statements, and how those run.
    pub(crate) around: Option<(TokenStream, TokenStream)>,
}

/// An argument that there must be.
pub(crate) fn required(
    arguments: &mut Arguments,
    name: &str,
    attribute: Span,
    how: &str,
    errors: &mut Errors,
) -> Option<(Ident, Expr)> {
    let found = arguments.expr(name);
    if found.is_none() && !arguments.is_misread(name) {
        errors.push(attribute, how);
    }
    found
}

impl Guard {
    /// The key of the state, if it is known now.
    pub(crate) fn state(&self, function: &Function) -> Option<String> {
        (!matches!(self.key.kind, Kind::Code { .. })).then(|| self.key.readable(function))
    }

    pub(crate) fn wrap(&self, frame: &Frame<'_>, asking: &Asking<'_>) -> TokenStream {
        let Frame { label, output, inner, counts, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (buf, when) = (Ident::new("__key", site), Ident::new("__when", site));
        let condition = self.common.when(&when);
        let bypass = if condition.is_some() { quote!(!#when) } else { quote!(false) };
        let (cache, key) = (self.common.cache(), self.key.render(&buf, &Head::Here, p));
        let Asking { module, rule, leave, around } = asking;
        let plain = (TokenStream::new(), inner.clone());
        let (before, run) = around.as_ref().unwrap_or(&plain);
        let (module, refuse) = (Ident::new(module, site), frame.note("refuse"));
        let refusal = self.refusal(frame);
        quote_spanned! {site=>
            let __refusal = #refusal;
            let __entering = {
                let __cache = #cache;
                #condition
                let mut #buf = #p::KeyBuf::new();
                // A default key holds `_unused` too: who calls with another value is counted by itself.
                #[allow(clippy::used_underscore_binding)]
                { #key }
                let __rule = #rule;
                let __settings = #p::guard::Settings { bypass: #bypass, counts: #counts };
                #p::#module::enter(&__MACADAMIA_FN, __cache, &mut #buf, __rule, __settings)
            };
            let __admitted = match __entering.await {
                #p::Enter::Answer(__error) => {
                    #refuse
                    break #label __refusal(__error);
                }
                #p::Enter::Go(__admitted) => __admitted,
            };
            #before
            let __out: #output = #run.await;
            #leave
            __out
        }
    }

    /// What refuses; and asks of the return type whether it can say so.
    fn refusal(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { function, output, .. } = frame;
        // Complaints are about the return type; where none is written, about the function.
        let (here, output) = match function.sig.output {
            ReturnType::Default => {
                let here = value::here(&function.sig.ident);
                (here, moved(output.to_token_stream(), here))
            }
            ReturnType::Type(..) => (value::here(output), output.to_token_stream()),
        };
        let p = self.common.p.at(here);
        quote_spanned!(here=> #p::guard::refusal::<#output>)
    }
}

/// The notes of the layers inside, for the runtime.
pub(crate) fn inside(frame: &Frame<'_>) -> TokenStream {
    frame.inside.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |inside| quote!(::core::option::Option::Some(#inside)),
    )
}
