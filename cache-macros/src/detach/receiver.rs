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
    // Whether the next braces are of an `impl` or a `trait`, where `self` is another; whether this is a `use`.
    let (mut other, mut import) = (false, false);
    let mut tokens = code.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Ident(word) if word == "impl" || word == "trait" => {
                // `impl Trait` in a type has no braces before the next sign that ends it.
                other = true;
                TokenTree::Ident(word)
            }
            TokenTree::Ident(word) if word == "use" => {
                import = true;
                TokenTree::Ident(word)
            }
            TokenTree::Ident(word) if word == "self" && !import => {
                let path = matches!(tokens.peek(), Some(TokenTree::Punct(sign)) if sign.as_char() == ':');
                let in_macro =
                    matches!(renamed.last(), Some(TokenTree::Punct(sign)) if sign.as_char() == '$');
                let mut other_word = name();
                other_word.set_span(other_word.span().located_at(word.span()));
                TokenTree::Ident(if path || in_macro { word } else { other_word })
            }
            TokenTree::Punct(sign) => {
                if matches!(sign.as_char(), ';' | '=' | ',') {
                    other = false;
                    import &= sign.as_char() != ';';
                }
                TokenTree::Punct(sign)
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && (other || import) => {
                other = false;
                TokenTree::Group(group)
            }
            TokenTree::Group(group) => {
                let visibility = matches!(renamed.last(), Some(TokenTree::Ident(word)) if word == "pub");
                TokenTree::Group(if visibility { group } else { inside(&group) })
            }
            other => other,
        };
        renamed.push(token);
    }
    renamed.into_iter().collect()
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
