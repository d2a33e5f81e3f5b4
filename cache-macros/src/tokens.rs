//! Small questions to tokens, and small changes of them.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::format_ident;

/// Whether a word satisfying this is among the tokens, at any depth.
pub(crate) fn mentions(tokens: TokenStream, is: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => is(&word),
        TokenTree::Group(group) => mentions(group.stream(), is),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The word as an identifier, raw if it is a keyword.
pub(crate) fn identifier(word: &str, span: Span) -> Ident {
    if syn::parse_str::<Ident>(word).is_ok() || matches!(word, "self" | "Self" | "super" | "crate" | "_") {
        format_ident!("{word}", span = span)
    } else {
        Ident::new_raw(word, span)
    }
}

/// The tokens, meaning what they meant, but seen at another place.
pub(crate) fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    let located = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(located).collect()
}
