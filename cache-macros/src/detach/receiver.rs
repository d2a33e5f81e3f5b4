//! `self` in code that runs apart from its method: no variable can be called that, so the code gets another word.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::Errors;
use crate::function::Function;

/// The other word.
pub(super) fn name() -> Ident {
    Ident::new("__self", Span::mixed_site())
}

/// Tells of what cannot be followed: a text that names `self`.
pub(super) fn check(function: &Function, errors: &mut Errors) {
    let mut found = |span| {
        errors.push(
            span,
            "`self` inside a text cannot be taken along into the background: write `{}` and `self` behind the text, or \
                refresh in the foreground: `background = false`",
        );
    };
    texts(function.body.stream(), false, &mut found);
}

/// Finds texts of macros in which `self` is written in braces.
fn texts(tokens: TokenStream, in_macro: bool, found: &mut dyn FnMut(Span)) {
    let mut before = String::new();
    for token in tokens {
        match &token {
            TokenTree::Group(group) => texts(group.stream(), in_macro || before == "!", found),
            TokenTree::Literal(literal) if in_macro && names_self(&literal.to_string()) => {
                found(literal.span());
            }
            _ => {}
        }
        before = token.to_string();
    }
}

fn names_self(text: &str) -> bool {
    let text = text.replace("{{", "");
    text.contains('"') && (text.contains("{self}") || text.contains("{self:"))
}

/// The code with the other word.
pub(super) fn rename(code: TokenStream) -> TokenStream {
    let mut renamed = Vec::new();
    let mut place = Place::Code;
    let mut tokens = code.into_iter().peekable();
    while let Some(token) = tokens.next() {
        place = place.at(&token, renamed.last(), tokens.peek());
        let token = match token {
            TokenTree::Ident(word) if word == "self" && place != Place::Import => {
                let path = is_sign(tokens.peek(), ':');
                let in_macro = is_sign(renamed.last(), '$');
                let mut other_word = name();
                other_word.set_span(other_word.span().located_at(word.span()));
                TokenTree::Ident(if path || in_macro { word } else { other_word })
            }
            TokenTree::Group(group) => {
                let visibility = matches!(renamed.last(), Some(TokenTree::Ident(word)) if word == "pub");
                TokenTree::Group(if visibility || place.has_another() { group } else { inside(&group) })
            }
            other => other,
        };
        renamed.push(token);
    }
    renamed.into_iter().collect()
}

/// Where in a body a token stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    /// In a `use`, where `self` is a module.
    Import,
    /// In the head of an item `impl` or `trait`, so deep between angle brackets.
    Head(u32),
    /// At its braces, in which `self` is another.
    Item,
}

impl Place {
    /// The place of a token, from that of the one before.
    fn at(self, token: &TokenTree, before: Option<&TokenTree>, next: Option<&TokenTree>) -> Self {
        match (self, token) {
            (Self::Code | Self::Item, TokenTree::Ident(word)) if word == "trait" => Self::Head(0),
            (Self::Code | Self::Item, TokenTree::Ident(word)) if word == "impl" && begins_item(before) => {
                Self::Head(0)
            }
            // `use<'a>` is a bound.
            (Self::Code | Self::Item, TokenTree::Ident(word)) if word == "use" && !is_sign(next, '<') => {
                Self::Import
            }
            (Self::Item, _) => Self::Code,
            (Self::Import | Self::Head(0), TokenTree::Punct(sign)) if sign.as_char() == ';' => Self::Code,
            (Self::Head(0), TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => Self::Item,
            (Self::Head(depth), TokenTree::Punct(sign)) if sign.as_char() == '<' => {
                Self::Head(depth.saturating_add(1))
            }
            (Self::Head(depth), TokenTree::Punct(sign)) if sign.as_char() == '>' && !is_sign(before, '-') => {
                Self::Head(depth.saturating_sub(1))
            }
            (place, _) => place,
        }
    }

    fn has_another(self) -> bool {
        matches!(self, Self::Import | Self::Head(_) | Self::Item)
    }
}

/// Whether `impl` behind this is an item, and no type.
fn begins_item(before: Option<&TokenTree>) -> bool {
    match before {
        None => true,
        Some(TokenTree::Punct(sign)) => sign.as_char() == ';',
        // Behind another item or an attribute.
        Some(TokenTree::Group(group)) => group.delimiter() != Delimiter::Parenthesis,
        Some(TokenTree::Ident(word)) => word == "unsafe",
        Some(TokenTree::Literal(_)) => false,
    }
}

fn is_sign(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(sign)) if sign.as_char() == wanted)
}

fn inside(group: &Group) -> Group {
    let mut renamed = Group::new(group.delimiter(), rename(group.stream()));
    renamed.set_span(group.span());
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str) -> TokenStream {
        code.parse().expect(code)
    }

    #[test]
    fn self_is_followed_wherever_it_is_the_receiver() {
        for (code, renamed) in [
            ("self.a + f(self)", "__self.a + f(__self)"),
            ("{ let x = [self.b(); 2]; x }", "{ let x = [__self.b(); 2]; x }"),
            ("println!(\"{}\", self)", "println!(\"{}\", __self)"),
            ("Self::new(self)", "Self::new(__self)"),
            ("self::f(self)", "self::f(__self)"),
            ("use a::{self, B}; self", "use a::{self, B}; __self"),
            ("pub(self) fn f() {} self", "pub(self) fn f() {} __self"),
            ("impl A { fn f(&self) { self.g() } } self", "impl A { fn f(&self) { self.g() } } __self"),
            (
                "let x: &dyn Fn() -> impl B = self; { self }",
                "let x: &dyn Fn() -> impl B = __self; { __self }",
            ),
            ("fn f(x: impl A) { g() } self", "fn f(x: impl A) { g() } __self"),
            (
                "impl<A, B> C<A, { 1 }> for D<B> where A: E, { f(self) } self",
                "impl<A, B> C<A, { 1 }> for D<B> where A: E, { f(self) } __self",
            ),
            (
                "#[a] unsafe impl A<fn() -> B> for C { f(self) } f(self)",
                "#[a] unsafe impl A<fn() -> B> for C { f(self) } f(__self)",
            ),
            ("trait A<B, C = B> { f(self) } { self }", "trait A<B, C = B> { f(self) } { __self }"),
            ("let f: impl Fn(A) -> B = { self };", "let f: impl Fn(A) -> B = { __self };"),
            ("fn f() -> impl A + use<'a> { g() } self", "fn f() -> impl A + use<'a> { g() } __self"),
            (
                "macro_rules! m { ($self:ident) => { $self.a } }",
                "macro_rules! m { ($self:ident) => { $self.a } }",
            ),
        ] {
            assert_eq!(rename(read(code)).to_string(), read(renamed).to_string());
        }
    }

    #[test]
    fn texts_of_macros_that_name_self_are_found() {
        for (code, expected) in [
            ("println!(\"{self}\"); format!(\"{self:?}\")", 2),
            ("if x { assert!(y, \"of {self} there is none\") }", 1),
            ("println!(\"{{self}} {}\", self); f(\"{self}\")", 0),
        ] {
            let mut count = 0;
            texts(read(code), false, &mut |_| count += 1);
            assert_eq!(count, expected, "{code}");
        }
    }
}
