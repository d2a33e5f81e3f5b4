//! Filters: `<name:lower>`, `<body:hash(sha256)>`, `<token:jwt(sub)>`, `<name:crate::keys::short>`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

use crate::error::hint;
use crate::krate::Private;

/// What is done to the value before it is written.
#[derive(Clone)]
pub(crate) enum Filter {
    /// One of ours, by the name of its function.
    Builtin(&'static str, Needs),
    Jwt(String),
    /// A function of the user.
    Path(TokenStream),
}

/// What a filter asks of a value.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    Text,
    Length,
    Display,
}

const FILTERS: [&str; 6] = ["lower", "upper", "len", "display", "hash", "jwt"];

/// A statement that writes a place through a filter.
pub(crate) fn write(
    filter: Option<&Filter>,
    out: &TokenStream,
    place: &TokenStream,
    span: Span,
    p: &Private,
) -> TokenStream {
    let p = p.at(span);
    match filter {
        None => quote_spanned!(span=> #p::part!(#out, #place);),
        Some(Filter::Builtin(name, _)) => {
            let name = Ident::new(name, span);
            quote_spanned!(span=> #p::filter::#name(#out, &#place);)
        }
        Some(Filter::Jwt(claim)) => quote_spanned!(span=> #p::filter::jwt(#out, &#place, #claim);),
        Some(Filter::Path(path)) => quote_spanned!(span=> #p::part!(#out, #path(&#place));),
    }
}

/// The same where the function itself has written the place already: of a value that cannot be written it is
/// said there, and only there.
pub(super) fn write_again(
    filter: Option<&Filter>,
    out: &TokenStream,
    place: &TokenStream,
    span: Span,
    p: &Private,
) -> TokenStream {
    let q = p.at(span);
    match filter {
        None => quote_spanned!(span=> #q::part_again!(#out, #place);),
        Some(Filter::Path(path)) => quote_spanned!(span=> #q::part_again!(#out, #path(&#place));),
        // Of two equal complaints about one place the compiler prints the first.
        Some(Filter::Builtin(..) | Filter::Jwt(_)) => write(filter, out, place, span, p),
    }
}

impl Filter {
    /// Reads what stands behind the colon.
    pub(super) fn parse(text: &str, span: Span) -> Result<Self, String> {
        let (name, argument) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(argument) => (name, Some(argument)),
                None => return Err(format!("the filter `{text}` lacks its `)`")),
            },
        };
        if name.contains("::") {
            return Self::path(text, span);
        }
        let builtin = match (name, argument) {
            ("lower", None) => Self::Builtin("lower", Needs::Text),
            ("upper", None) => Self::Builtin("upper", Needs::Text),
            ("len", None) => Self::Builtin("len", Needs::Length),
            ("display", None) => Self::Builtin("display", Needs::Display),
            ("hash", None | Some("sha1")) => Self::Builtin("sha1", Needs::Text),
            ("hash", Some("sha256")) => Self::Builtin("sha256", Needs::Text),
            ("hash", Some("md5")) => Self::Builtin("md5", Needs::Text),
            ("hash", Some(other)) => {
                let hint = hint(other, ["md5", "sha1", "sha256"]);
                return Err(format!(
                    "there is no hash `{other}`{hint} Write hash(md5), hash(sha1) or hash(sha256)"
                ));
            }
            ("jwt", Some(claim)) if !claim.trim().is_empty() => Self::Jwt(claim.trim().to_owned()),
            ("jwt", _) => return Err("`jwt` needs the claim to read: write `jwt(sub)`".to_owned()),
            (known, Some(_)) if FILTERS.contains(&known) => {
                return Err(format!("the filter `{known}` takes no argument"));
            }
            (unknown, _) => {
                let (hint, known) = (hint(unknown, FILTERS), FILTERS.join(", "));
                return Err(format!(
                    "there is no filter `{unknown}`{hint} There are: {known}; your own by its path, as in \
                        `<name:crate::keys::short>`"
                ));
            }
        };
        Ok(builtin)
    }

    fn path(text: &str, span: Span) -> Result<Self, String> {
        match syn::parse_str::<syn::Path>(text) {
            Ok(path) => Ok(Self::Path(respan(path.to_token_stream(), span))),
            Err(_) => Err(format!(
                "`{text}` is not the path of a function: write it as in `<name:crate::keys::short>`"
            )),
        }
    }

    /// The bound on a value that a caller gives for a placeholder with this filter.
    pub(crate) fn bound(filter: Option<&Self>, p: &Private) -> TokenStream {
        filter.and_then(|filter| filter.asks(p)).unwrap_or_else(|| quote!(#p::KeyPart))
    }

    /// What one of ours asks of a value.
    pub(crate) fn asks(&self, p: &Private) -> Option<TokenStream> {
        match self {
            Self::Path(_) => None,
            Self::Builtin(_, Needs::Text) | Self::Jwt(_) => Some(quote!(#p::RawText)),
            Self::Builtin(_, Needs::Length) => Some(quote!(#p::KeyLen)),
            Self::Builtin(_, Needs::Display) => Some(quote!(::core::fmt::Display)),
        }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Builtin(a, _), Self::Builtin(b, _)) => a == b,
            (Self::Jwt(a), Self::Jwt(b)) => a == b,
            (Self::Path(a), Self::Path(b)) => a.to_string() == b.to_string(),
            _ => false,
        }
    }
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let located = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(located).collect()
}
