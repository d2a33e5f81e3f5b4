//! Templates: literal text with placeholders, `user:<user.uid>` or `user:{user.uid}`.

use syn::LitStr;

use crate::error::Errors;
use crate::placeholder::{Hole, Scope};

/// A piece of a key or a pattern.
#[derive(Clone)]
pub(crate) enum Piece {
    /// Text as it is. In a pattern, `*` is a wildcard.
    Text(String),
    Hole(Hole),
}

/// What a template is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// One key: no wildcards.
    Key,
    /// What to delete: wildcards are welcome.
    Pattern,
}

/// A template, read and resolved.
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

/// Prefixes under which something else than values is kept; as in `cache-core`.
const RESERVED: [&str; 7] = ["lock:", "rate_limit:", "circuit_breaker:", "perf:", "fail:", "hit:", "gen:"];

impl Template {
    /// Reads a literal, recording every mistake in it.
    pub(crate) fn parse(
        literal: &LitStr,
        purpose: Use,
        scope: Scope<'_>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let mut reader = Reader { literal, scope, pieces: Vec::new(), complaints: Vec::new() };
        let text = literal.value();
        reader.read(&text);
        if text.is_empty() {
            reader.complain("it is empty");
        }
        let mut plain = reader.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Hole(_) => None,
        });
        let wild = purpose == Use::Key && plain.clone().any(|text| text.contains('*'));
        let blank = plain.find_map(|text| text.chars().find(|c| c.is_whitespace() || c.is_control()));
        if wild {
            reader.complain(
                "`*` is a wildcard, and a key has none: wildcards belong into `#[invalidate]` and `purge!`",
            );
        }
        if let Some(c) = blank {
            reader.complain(format!("white space and control characters ({c:?}) cannot stand in a key"));
        }
        reader.separated();
        let Reader { pieces, complaints, .. } = reader;
        for complaint in &complaints {
            errors.push(literal.span(), format!("in \"{}\": {complaint}", text.escape_debug()));
        }
        complaints.is_empty().then(|| Self { literal: literal.clone(), pieces })
    }

    /// What the template begins with, if that is text.
    pub(crate) fn head(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

/// The reserved prefix that a key would begin with.
pub(crate) fn reserved(head: &str) -> Option<&'static str> {
    RESERVED.into_iter().find(|prefix| head.starts_with(prefix))
}

/// Why a key cannot begin so.
pub(crate) fn reserved_message(prefix: &str) -> String {
    format!("keys that begin with `{prefix}` belong to macadamia: begin with something else")
}

struct Reader<'a> {
    literal: &'a LitStr,
    scope: Scope<'a>,
    pieces: Vec<Piece>,
    complaints: Vec<String>,
}

impl Reader<'_> {
    fn complain(&mut self, complaint: impl Into<String>) {
        self.complaints.push(complaint.into());
    }

    fn read(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let doubled = rest.as_str().starts_with(c);
            match c {
                '<' | '{' | '>' | '}' if doubled => {
                    rest.next();
                    self.text(c);
                }
                '<' | '{' => rest = self.hole(c, rest.as_str()).chars(),
                '>' | '}' => {
                    self.complain(format!("`{c}` closes nothing: write `{c}{c}` for the character itself"));
                }
                c => self.text(c),
            }
        }
    }

    fn text(&mut self, c: char) {
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            text.push(c);
        } else {
            self.pieces.push(Piece::Text(c.to_string()));
        }
    }

    /// Reads a placeholder; gives back what follows it.
    fn hole<'t>(&mut self, open: char, rest: &'t str) -> &'t str {
        let close = if open == '<' { '>' } else { '}' };
        let inside = rest.split_once(close).filter(|(inside, _)| !inside.contains(['<', '{']));
        let Some((inside, after)) = inside else {
            self.complain(format!(
                "`{open}` is not closed: write `{close}` behind the name, or `{open}{open}` for the \
                    character itself"
            ));
            return "";
        };
        match Hole::parse(inside, self.literal, self.scope) {
            Ok(hole) => self.pieces.push(Piece::Hole(hole)),
            Err(complaint) => {
                self.complain(complaint);
                // Keeps the neighbours apart, so that one mistake is one message.
                self.text(':');
            }
        }
        after
    }

    /// Between two values must stand what no value contains, or two calls could share a key.
    fn separated(&mut self) {
        let mut last: Option<&Hole> = None;
        let mut apart = true;
        let mut glued = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => apart |= text.contains(separates),
                Piece::Hole(hole) => {
                    if let (Some(last), false) = (last, apart) {
                        glued.push(format!(
                            "nothing separates `<{}>` from `<{}>`: put `:` between them, or another of / | \
                                , ; # that no value contains",
                            last.name, hole.name
                        ));
                    }
                    (last, apart) = (Some(hole), false);
                }
            }
        }
        self.complaints.extend(glued);
    }
}

/// Whether no value contains the character. (`%` and `~` begin what values write for other characters and
/// for `None`.)
fn separates(c: char) -> bool {
    matches!(
        c,
        '*' | '?'
            | '['
            | ']'
            | '\\'
            | '{'
            | '}'
            | '<'
            | '>'
            | ':'
            | '/'
            | '|'
            | ','
            | ';'
            | '#'
            | '('
            | ')'
            | '"'
    )
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::function::Function;

    fn function() -> Function {
        parse_quote!(
            async fn profile(&self, user: &User, (page, mut size): (u32, u32), r#type: u8) -> u8 {
                0
            }
        )
    }

    fn read(text: &str, purpose: Use) -> Result<Vec<String>, Vec<String>> {
        let (function, mut errors) = (function(), Errors::default());
        let literal = LitStr::new(text, proc_macro2::Span::call_site());
        let template = Template::parse(&literal, purpose, Scope::Function(&function), &mut errors);
        let show = |piece: Piece| match piece {
            Piece::Text(text) => text,
            Piece::Hole(hole) => {
                let out = quote::quote!(o);
                hole.write(&out, &crate::krate::Private::DEFAULT)
                    .to_string()
                    .replace(" :: macadamia :: __private :: ", "")
                    .replace(":: macadamia :: __private :: ", "")
                    .replace(' ', "")
            }
        };
        template
            .map(|template| template.pieces.into_iter().map(show).collect())
            .ok_or_else(|| errors.messages())
    }

    #[test]
    fn both_brackets_mean_the_same_and_doubled_ones_are_themselves() {
        for text in ["user:<user.uid>", "user:{user.uid}"] {
            assert_eq!(read(text, Use::Key).unwrap(), ["user:", "part!(o,user.uid);"]);
        }
        assert_eq!(read("a<<b>>c{{d}}", Use::Key).unwrap(), ["a<b>c{d}"]);
    }

    #[test]
    fn paths_go_through_fields_indexes_and_methods() {
        let check = |text: &str, code: &str| assert_eq!(read(text, Use::Key).unwrap(), [code], "{text}");
        check("<user>", "part!(o,user);");
        check("<self.pair.0.1.name()>", "part!(o,self.pair.0.1.name());");
        check("<size>", "part!(o,size);");
        check("<type>", "part!(o,r#type);");
        check("<user.type>", "part!(o,user.r#type);");
        check("<@client_id>", "context(o,\"client_id\");");
    }

    #[test]
    fn filters_become_calls() {
        let check = |text: &str, code: &str| assert_eq!(read(text, Use::Key).unwrap(), [code], "{text}");
        check("<user.name:lower>", "filter::lower(o,&user.name);");
        check("<user:len>", "filter::len(o,&user);");
        check("<user:display>", "filter::display(o,&user);");
        check("<user:hash>", "filter::sha1(o,&user);");
        check("<user:hash(sha256)>", "filter::sha256(o,&user);");
        check("<user:hash(md5)>", "filter::md5(o,&user);");
        check("<user:jwt(https://x/id)>", "filter::jwt(o,&user,\"https://x/id\");");
        check("<user:crate::keys::short>", "part!(o,crate::keys::short(&user));");
        check("<user:::keys::short>", "part!(o,::keys::short(&user));");
    }

    #[test]
    fn every_mistake_says_what_to_write() {
        let all = "Its parameters: self, user, page, size, type";
        let check = |text: &str, purpose, expected: &[&str]| {
            let expected: Vec<_> = expected.iter().map(|message| format!("in {text:?}: {message}")).collect();
            assert_eq!(read(text, purpose).unwrap_err(), expected);
        };
        let key = |text: &str, expected: &str| check(text, Use::Key, &[expected]);
        key("", "it is empty");
        key("user:<usr>", &format!("`usr` is no parameter of `profile`; did you mean `user`? {all}"));
        key("user:<id>", &format!("`id` is no parameter of `profile`. {all}"));
        key("user:<user", "`<` is not closed: write `>` behind the name, or `<<` for the character itself");
        key("user:{a<b>}", "`{` is not closed: write `}` behind the name, or `{{` for the character itself");
        key("a>b", "`>` closes nothing: write `>>` for the character itself");
        key("a}b", "`}` closes nothing: write `}}` for the character itself");
        key(
            "a:<>",
            "an empty placeholder: write a parameter into it, or double the bracket for the character itself",
        );
        key(
            "<user[0]>",
            "`user[0]` is not a placeholder: write a parameter, then fields (`.name`), tuple indexes \
                (`.0`) or methods (`.len()`)",
        );
        key(
            "<user.>",
            "`user.` is not a placeholder: write a parameter, then fields (`.name`), tuple indexes (`.0`) \
                or methods (`.len()`)",
        );
        key("<user.get(1)>", "methods in a placeholder take no arguments: `get()`, or a `key` by closure");
        key(
            "<user:uper>",
            "there is no filter `uper`; did you mean `upper`? There are: lower, upper, len, display, hash, \
                jwt; your own by its path, as in `<name:crate::keys::short>`",
        );
        key(
            "<user:hash(sha2)>",
            "there is no hash `sha2`; did you mean `sha1`? Write hash(md5), hash(sha1) or hash(sha256)",
        );
        key("<user:jwt>", "`jwt` needs the claim to read: write `jwt(sub)`");
        key("<user:lower(x)>", "the filter `lower` takes no argument");
        key("<user:hash(md5>", "the filter `hash(md5` lacks its `)`");
        key(
            "<user:a::1>",
            "`a::1` is not the path of a function: write it as in `<name:crate::keys::short>`",
        );
        key("<@a b>", "`@a b` is not a name of the key context: write letters, digits and `_`");
        key("<@id:lower>", "`@id` takes no filter: the context already holds text");
        key(
            "items:*",
            "`*` is a wildcard, and a key has none: wildcards belong into `#[invalidate]` and `purge!`",
        );
        key("my key", "white space and control characters (' ') cannot stand in a key");
        let glue = |a: &str, b: &str| {
            format!(
                "nothing separates `<{a}>` from `<{b}>`: put `:` between them, or another of / | , ; # \
                    that no value contains"
            )
        };
        key("<page><size>", &glue("page", "size"));
        key("<page>-<size>", &glue("page", "size"));
        key("<page>~<size>", &glue("page", "size"));
        check(
            "<usr><x>*",
            Use::Key,
            &[
                &format!("`usr` is no parameter of `profile`; did you mean `user`? {all}"),
                &format!("`x` is no parameter of `profile`. {all}"),
                "`*` is a wildcard, and a key has none: wildcards belong into `#[invalidate]` and `purge!`",
            ],
        );
    }

    #[test]
    fn wildcards_stay_in_patterns() {
        assert_eq!(read("items:*:<page>*", Use::Pattern).unwrap(), ["items:*:", "part!(o,page);", "*"]);
    }
}
