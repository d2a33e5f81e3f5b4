//! One placeholder of a template: `user.address().zip:lower`, `@client_id`.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::LitStr;

use crate::error::{hint, listed};
use crate::function::{Function, identifier};
use crate::krate::Private;

/// A placeholder, resolved.
#[derive(Clone)]
pub(crate) struct Hole {
    /// What it is called in targets: the path as written.
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) filter: Option<Filter>,
    span: Span,
}

/// Where the value comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// `<@name>`: the key context.
    Context(String),
    /// A parameter and a way into it.
    Value { root: Ident, steps: Vec<Step> },
}

/// One step into a value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Index(u32),
    Method(String),
}

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

/// What the names in a template are.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The parameters of the annotated function.
    Function(&'a Function),
    /// Whatever is in scope where the macro is called.
    Caller,
}

const FILTERS: [&str; 6] = ["lower", "upper", "len", "display", "hash", "jwt"];

impl Hole {
    /// A placeholder that is one parameter as it is.
    pub(crate) fn whole(binding: &Ident) -> Self {
        let name = syn::ext::IdentExt::unraw(binding).to_string();
        let source = Source::Value { root: binding.clone(), steps: Vec::new() };
        Self { name, source, filter: None, span: binding.span() }
    }

    /// Reads what stands between the brackets.
    pub(crate) fn parse(text: &str, literal: &LitStr, scope: Scope<'_>) -> Result<Self, String> {
        let span = Span::call_site().located_at(literal.span());
        if let Some(name) = text.strip_prefix('@') {
            return context(name, span);
        }
        let (path, filter) = match text.split_once(':') {
            Some((path, filter)) => (path, Some(Filter::parse(filter, span)?)),
            None => (text, None),
        };
        let mut words = path.split('.');
        let root = words.next().unwrap_or_default();
        if !is_word(root) {
            return Err(not_a_path(text));
        }
        let steps = words.map(|word| step(word, text)).collect::<Result<_, _>>()?;
        let root = resolve(root, literal, scope)?;
        Ok(Self { name: path.to_owned(), source: Source::Value { root, steps }, filter, span })
    }

    /// The function parameter it comes from.
    pub(crate) fn root(&self) -> Option<&Ident> {
        match &self.source {
            Source::Value { root, .. } => Some(root),
            Source::Context(_) => None,
        }
    }

    /// Whether the value is a parameter itself, not something inside of it.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(&self.source, Source::Value { steps, .. } if steps.is_empty())
    }

    /// The place expression: `user.address().zip`.
    fn place(&self) -> TokenStream {
        let Source::Value { root, steps } = &self.source else { return TokenStream::new() };
        let mut place = root.to_token_stream();
        for step in steps {
            place.extend(match step {
                Step::Field(name) => {
                    let name = identifier(name, self.span);
                    quote!(.#name)
                }
                Step::Index(index) => {
                    let mut index = Literal::u32_unsuffixed(*index);
                    index.set_span(self.span);
                    quote!(.#index)
                }
                Step::Method(name) => {
                    let name = identifier(name, self.span);
                    quote!(.#name())
                }
            });
        }
        place
    }

    /// A statement that writes it to `out`, a `&mut KeyBuf`.
    pub(crate) fn write(&self, out: &TokenStream, p: &Private) -> TokenStream {
        match &self.source {
            Source::Context(name) => quote!(#p::context(#out, #name);),
            Source::Value { .. } => write(self.filter.as_ref(), out, &self.place(), self.span, p),
        }
    }
}

/// A statement that writes a place through a filter.
pub(crate) fn write(
    filter: Option<&Filter>,
    out: &TokenStream,
    place: &TokenStream,
    span: Span,
    p: &Private,
) -> TokenStream {
    let value = borrowed(place, span);
    match filter {
        None => quote!(#p::part!(#out, #place);),
        Some(Filter::Builtin(name, _)) => {
            let name = Ident::new(name, span);
            quote!(#p::filter::#name(#out, #value);)
        }
        Some(Filter::Jwt(claim)) => quote!(#p::filter::jwt(#out, #value, #claim);),
        Some(Filter::Path(path)) => quote!(#p::part!(#out, #path(#value));),
    }
}

/// `&place`, blamed on the template.
fn borrowed(place: &TokenStream, span: Span) -> TokenStream {
    quote::quote_spanned!(span=> &#place)
}

impl Filter {
    fn parse(text: &str, span: Span) -> Result<Self, String> {
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
                let (hint, known) = (hint(unknown, FILTERS), listed(FILTERS));
                return Err(format!(
                    "there is no filter `{unknown}`{hint} There are: {known}; your own by its path, as in `<name:crate::keys::short>`"
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
        match filter {
            None | Some(Self::Path(_)) => quote!(#p::KeyPart),
            Some(Self::Builtin(_, Needs::Text) | Self::Jwt(_)) => quote!(#p::RawText),
            Some(Self::Builtin(_, Needs::Length)) => quote!(#p::KeyLen),
            Some(Self::Builtin(_, Needs::Display)) => quote!(::core::fmt::Display),
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

fn context(name: &str, span: Span) -> Result<Hole, String> {
    if let Some((name, _)) = name.split_once(':') {
        return Err(format!("`@{name}` takes no filter: the context already holds text"));
    }
    if !is_word(name) {
        return Err(format!("`@{name}` is not a name of the key context: write letters, digits and `_`"));
    }
    Ok(Hole { name: format!("@{name}"), source: Source::Context(name.to_owned()), filter: None, span })
}

fn step(word: &str, text: &str) -> Result<Step, String> {
    if let Ok(index) = word.parse() {
        return Ok(Step::Index(index));
    }
    match word.split_once('(') {
        None if is_word(word) => Ok(Step::Field(word.to_owned())),
        Some((name, ")")) if is_word(name) => Ok(Step::Method(name.to_owned())),
        Some((name, rest)) if is_word(name) && rest.ends_with(')') => {
            Err(format!("methods in a placeholder take no arguments: `{name}()`, or a `key` by closure"))
        }
        _ => Err(not_a_path(text)),
    }
}

fn not_a_path(text: &str) -> String {
    if text.is_empty() {
        return "an empty placeholder: write a parameter into it, or double the bracket for the character itself"
            .to_owned();
    }
    format!(
        "`{text}` is not a placeholder: write a parameter, then fields (`.name`), tuple indexes (`.0`) or methods (`.len()`)"
    )
}

fn resolve(root: &str, literal: &LitStr, scope: Scope<'_>) -> Result<Ident, String> {
    let Scope::Function(function) = scope else { return Ok(identifier(root, literal.span())) };
    if let Some(mut binding) = function.binding(root) {
        binding.set_span(binding.span().located_at(literal.span()));
        return Ok(binding);
    }
    let (names, owner) = (function.names(), function.name());
    let names = || names.iter().map(String::as_str);
    if root == "self" {
        return Err(format!("`{owner}` has no `self`. Its parameters: {}", listed(names())));
    }
    Err(format!(
        "`{root}` is no parameter of `{owner}`{} Its parameters: {}",
        hint(root, names()),
        listed(names())
    ))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text != "_"
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let located = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(located).collect()
}
