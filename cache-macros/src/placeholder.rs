//! One placeholder of a template: `user.address().zip:lower`, `@client_id`.

mod filter;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::LitStr;

pub(crate) use filter::{Filter, Needs, write};

use self::filter::write_again;

use crate::error::{hint, parameters};
use crate::function::Function;
use crate::krate::Private;
use crate::tokens::identifier;

/// A placeholder, resolved.
#[derive(Clone)]
pub(crate) struct Hole {
    /// What it is called in targets: the path as written.
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) filter: Option<Filter>,
    /// `#[cfg(…)]` of the parameter: without the parameter nothing is written.
    pub(crate) condition: Option<TokenStream>,
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

/// What the names in a template are.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The parameters of the annotated function.
    Function(&'a Function),
    /// Whatever is in scope where the macro is called.
    Caller,
}

impl Hole {
    /// A placeholder that is one parameter as it is.
    pub(crate) fn whole(binding: &Ident, function: &Function) -> Self {
        let name = syn::ext::IdentExt::unraw(binding).to_string();
        let source = Source::Value { root: binding.clone(), steps: Vec::new() };
        Self { name, source, filter: None, condition: function.condition(binding), span: binding.span() }
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
        let condition = match scope {
            Scope::Function(function) => function.condition(&root),
            Scope::Caller => None,
        };
        Ok(Self { name: path.to_owned(), source: Source::Value { root, steps }, filter, condition, span })
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
            Source::Context(name) => {
                let p = p.at(self.span);
                quote_spanned!(self.span=> #p::context(#out, #name);)
            }
            Source::Value { .. } => {
                let write = write(self.filter.as_ref(), out, &self.place(), self.span, p);
                if self.condition.is_none() {
                    return write;
                }
                let condition = &self.condition;
                quote!(#condition { #write })
            }
        }
    }
}

impl Hole {
    /// As [`write`](Self::write), in the handle of the function.
    pub(crate) fn write_again(&self, out: &TokenStream, p: &Private) -> TokenStream {
        match &self.source {
            Source::Context(_) => self.write(out, p),
            Source::Value { .. } => write_again(self.filter.as_ref(), out, &self.place(), self.span, p),
        }
    }

    /// A statement that writes, in the handle, a value that has the placeholder's type.
    pub(crate) fn write_given(&self, out: &TokenStream, place: &TokenStream, p: &Private) -> TokenStream {
        write_again(self.filter.as_ref(), out, place, self.span, p)
    }
}

fn context(name: &str, span: Span) -> Result<Hole, String> {
    if let Some((name, _)) = name.split_once(':') {
        return Err(format!("`@{name}` takes no filter: the context already holds text"));
    }
    if !is_word(name) {
        return Err(format!("`@{name}` is not a name of the key context: write letters, digits and `_`"));
    }
    let source = Source::Context(name.to_owned());
    Ok(Hole { name: format!("@{name}"), source, filter: None, condition: None, span })
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
        return "an empty placeholder: write a parameter into it, or double the bracket for the character \
            itself"
            .to_owned();
    }
    format!(
        "`{text}` is not a placeholder: write a parameter, then fields (`.name`), tuple indexes (`.0`) or \
            methods (`.len()`)"
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
        return Err(format!("`{owner}` has no `self`. {}", parameters(names())));
    }
    Err(format!("`{root}` is no parameter of `{owner}`{} {}", hint(root, names()), parameters(names())))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text != "_"
}
