//! Reading `key`, `prefix` and `skip`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprClosure, ExprLit, Lit, Pat, PatIdent, Token};

use super::{Key, Kind};
use crate::error::{Errors, hint, parameters};
use crate::function::Function;
use crate::grammar::{Argument, Arguments, Value};
use crate::placeholder::{Hole, Scope};
use crate::template::{Piece, Template, Use, reserved, reserved_message};
use crate::value;

impl Key {
    /// Takes `key`, `prefix` and `skip` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, function: &Function, errors: &mut Errors) -> Option<Self> {
        Self::take_or(default, arguments, function, errors)
    }

    /// The same for what belongs to the function and not to a call: without `key`, no parameter is in it.
    pub(crate) fn take_of_function(
        arguments: &mut Arguments,
        function: &Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let nothing = |function: &Function, skip: Option<Argument>, errors: &mut Errors| {
            // A parameter may be skipped once more, but it must be one.
            if let Some(Argument { value: Value::List(list), .. }) = skip {
                skipped(list, function, errors)?;
            }
            Some(Vec::new())
        };
        Self::take_or(nothing, arguments, function, errors)
    }

    fn take_or(
        default: fn(&Function, Option<Argument>, &mut Errors) -> Option<Vec<Piece>>,
        arguments: &mut Arguments,
        function: &Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let prefix = arguments.expr("prefix").and_then(|(key, expr)| prefix(&key, &expr, errors));
        let skip = arguments.take("skip");
        let Some((name, expr)) = arguments.expr("key") else {
            let pieces = default(function, skip, errors)?;
            return Some(Self { prefix, kind: Kind::Default { pieces } });
        };
        if let Some(skip) = skip {
            errors.push(
                skip.key.span(),
                "`skip` shapes the default key: beside `key`, leave a parameter out by not naming it",
            );
        }
        let kind = match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => {
                let template = Template::parse(&literal, Use::Key, Scope::Function(function), errors)?;
                if let (None, Some(prefix)) = (&prefix, reserved(template.head())) {
                    errors.push(literal.span(), reserved_message(prefix));
                }
                Kind::Template(template)
            }
            Expr::Closure(closure) => code(closure, function, errors)?,
            other => {
                errors.at(
                    other,
                    format!(
                        "`{name}` is a template, `\"user:<user.uid>\"`, or a closure over \
                    parameters, `|user| …`"
                    ),
                );
                return None;
            }
        };
        Some(Self { prefix, kind })
    }
}

/// `prefix = "v2"`, as `v2:`.
fn prefix(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<String> {
    let literal = value::text(key, expr, errors)?;
    let text = literal.value();
    let strange = |c: char| c.is_whitespace() || c.is_control() || "*<>{}".contains(c);
    if text.is_empty() || text.contains(strange) {
        errors.push(
            literal.span(),
            "`prefix` is plain text without wildcards, placeholders or white space, such as \"v2\"",
        );
        return None;
    }
    let prefix = format!("{text}:");
    if let Some(prefix) = reserved(&prefix) {
        errors.push(literal.span(), reserved_message(prefix));
        return None;
    }
    Some(prefix)
}

/// `|user, lang| expr`
fn code(closure: ExprClosure, function: &Function, errors: &mut Errors) -> Option<Kind> {
    let mut params = Vec::new();
    let mut wrong = false;
    for input in &closure.inputs {
        let pat = if let Pat::Type(typed) = input { &typed.pat } else { input };
        let name = match pat {
            Pat::Ident(PatIdent { ident, .. }) => ident.unraw().to_string(),
            _ => String::new(),
        };
        if let Some(binding) = function.binding(&name).filter(|_| name != "self") {
            params.push(binding);
            continue;
        }
        let known: Vec<_> = function.bindings().map(|name| name.unraw().to_string()).collect();
        let known = || known.iter().map(String::as_str);
        let what = if name.is_empty() {
            ".".to_owned()
        } else {
            format!(": `{name}` is none{}", hint(&name, known()))
        };
        let (owner, names) = (function.name(), parameters(known()));
        errors.at(input, format!("the closure of `key` names parameters of `{owner}`{what} {names}"));
        wrong = true;
    }
    if let Some(word) = &closure.asyncness {
        errors.at(word, "`key` is computed before the call and cannot wait: write a closure without `async`");
        return None;
    }
    (!wrong).then(|| Kind::Code { params, expr: *closure.body })
}

/// The parameters of a default key, `skip`ped ones left out.
fn default(function: &Function, skip: Option<Argument>, errors: &mut Errors) -> Option<Vec<Piece>> {
    let skipped = match skip {
        Some(Argument { value: Value::List(list), .. }) => skipped(list, function, errors)?,
        _ => Vec::new(),
    };
    if let Some(receiver) = function.receiver()
        && !skipped.iter().any(|name| name == "self")
    {
        errors.push(
            receiver.self_token.span,
            "a default key does not contain `self`: write `skip(self)` if all instances share their \
                entries, or a `key` that names what tells them apart, such as \"user:<self.id>\"",
        );
        return None;
    }
    let mut kept: Vec<_> =
        function.bindings().filter(|name| !skipped.contains(&name.unraw().to_string())).collect();
    // The same name again is the same parameter under another `#[cfg]`.
    kept.dedup();
    let pieces = kept.into_iter().flat_map(|name| {
        [Piece::Text(format!(":{}:", name.unraw())), Piece::Hole(Hole::whole(name, function))]
    });
    Some(pieces.collect())
}

fn skipped(list: TokenStream, function: &Function, errors: &mut Errors) -> Option<Vec<String>> {
    let parse = |input: ParseStream<'_>| {
        Punctuated::<Ident, Token![,]>::parse_terminated_with(input, |input| {
            let name = input.peek(Ident::peek_any).then(|| Ident::parse_any(input)).transpose()?;
            name.filter(|_| input.is_empty() || input.peek(Token![,])).ok_or_else(|| {
                input.error("`skip` takes the names of parameters and nothing else: write `skip(db, self)`")
            })
        })
    };
    let names = errors.keep(parse.parse2(list))?;
    let known = function.names();
    for name in &names {
        let text = name.unraw().to_string();
        if !known.contains(&text) {
            let known = || known.iter().map(String::as_str);
            errors.push(
                name.span(),
                format!(
                    "`{text}` is no parameter of `{}`{} {}",
                    function.name(),
                    hint(&text, known()),
                    parameters(known())
                ),
            );
        }
    }
    Some(names.iter().map(|name| name.unraw().to_string()).collect())
}
