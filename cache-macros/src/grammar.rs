//! The grammar of every attribute: `name = value`, `name(list)`, `name`, separated by commas.
//!
//! Written once, so that no attribute can forget about duplicates or unknown names. Names keep their spans.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Pat, Token, token};

use crate::error::{Errors, hint, nearest, takes};

/// How an argument may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `name = value`
    Value,
    /// `name(…)`
    List,
    /// `name = value` or `name(…)`
    ValueOrList,
    /// `name` or `name = value`
    FlagOrValue,
    /// `name = PATTERN`
    Pattern,
}

/// An argument that an attribute takes.
pub(crate) struct Key(pub(crate) &'static str, pub(crate) Shape);

/// An argument as written.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What follows the name.
pub(crate) enum Value {
    Flag,
    Expr(Expr),
    List(TokenStream),
    Pattern(Pat),
}

/// Reads what is no named argument.
pub(crate) type Positional<'a> = &'a mut dyn FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>;

/// All arguments of one attribute; its parser takes them out by name.
#[derive(Default)]
pub(crate) struct Arguments {
    found: Vec<Argument>,
    misread: Misread,
}

/// What was meant by arguments that are wrong: nobody asks for those a second time.
#[derive(Default)]
struct Misread {
    names: Vec<String>,
    /// A value without its name, which may be anything.
    unnamed: bool,
}

impl Arguments {
    /// Reads the arguments of `owner` (`` `#[cached]` ``), recording what is wrong with any of them.
    pub(crate) fn parse(
        owner: &str,
        tokens: TokenStream,
        keys: &[&[Key]],
        positional: Option<Positional<'_>>,
        errors: &mut Errors,
    ) -> Self {
        let mut reader =
            Reader { owner, keys, positional, errors, found: Vec::new(), misread: Misread::default() };
        let read = |input: ParseStream<'_>| {
            reader.all(input);
            Ok(())
        };
        // Every token is consumed and every mistake recorded on the way.
        let ended = read.parse2(tokens);
        let Reader { found, misread, .. } = reader;
        errors.keep(ended);
        Self { found, misread }
    }

    /// Takes out an argument.
    pub(crate) fn take(&mut self, name: &str) -> Option<Argument> {
        let at = self.found.iter().position(|argument| argument.key == name)?;
        Some(self.found.swap_remove(at))
    }

    /// Whether the argument was tried, and refused.
    pub(crate) fn is_misread(&self, name: &str) -> bool {
        self.misread.unnamed || self.misread.names.iter().any(|misread| misread == name)
    }

    /// Takes out an argument written `name = value`.
    pub(crate) fn expr(&mut self, name: &str) -> Option<(Ident, Expr)> {
        match self.take(name)? {
            Argument { key, value: Value::Expr(expr) } => Some((key, expr)),
            Argument { .. } => None,
        }
    }
}

struct Reader<'a, 'p> {
    owner: &'a str,
    keys: &'a [&'a [Key]],
    positional: Option<Positional<'p>>,
    errors: &'a mut Errors,
    found: Vec<Argument>,
    misread: Misread,
}

impl Reader<'_, '_> {
    fn all(&mut self, input: ParseStream<'_>) {
        while !input.is_empty() {
            if let Err(error) = self.one(input) {
                self.errors.add(error);
                skip(input);
            }
            if input.is_empty() {
                return;
            }
            if input.parse::<Token![,]>().is_err() {
                self.errors.push(input.span(), "expected `,` between arguments");
                skip(input);
                let _: syn::Result<Token![,]> = input.parse();
            }
        }
    }

    fn one(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let assigned = input.peek(syn::Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        if let (false, Some(positional)) = (assigned, &mut self.positional) {
            return positional(input, self.errors);
        }
        if !input.peek(syn::Ident::peek_any) {
            self.misread.unnamed = true;
            let takes = takes(self.names());
            return Err(input.error(format!("write `name = value`: {} {takes}", self.owner)));
        }
        let key = Ident::parse_any(input)?;
        let name = key.unraw().to_string();
        let Some(shape) = self.shape(&name) else {
            let (hint, takes) = (hint(&name, self.names()), takes(self.names()));
            self.misread.names.extend(nearest(&name, self.names()).map(str::to_owned));
            self.errors.push(key.span(), format!("{} has no argument `{name}`{hint} It {takes}", self.owner));
            value_of_unknown(input);
            return Ok(());
        };
        if input.peek(Token![:]) {
            self.misread.names.push(name.clone());
            return Err(input.error(format!("write `{name} = …`, with `=`")));
        }
        let read = if shape == Shape::Pattern { pattern } else { value };
        let value = read(&key, input).inspect_err(|_| self.misread.names.push(name.clone()))?;
        if let Some(form) = mismatch(&name, shape, &value) {
            self.errors.push(key.span(), format!("write {form}"));
            self.misread.names.push(name);
        } else if self.found.iter().any(|argument| argument.key == key) {
            self.errors.push(key.span(), format!("`{name}` is given twice"));
        } else {
            self.found.push(Argument { key, value });
        }
        Ok(())
    }

    fn shape(&self, name: &str) -> Option<Shape> {
        self.keys.iter().copied().flatten().find(|key| key.0 == name).map(|key| key.1)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().copied().flatten().map(|key| key.0)
    }
}

/// Steps over `=`, if it is there; something must follow.
fn assigned(key: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
    if !input.peek(Token![=]) {
        return Ok(false);
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(key.span(), format!("`{key}` lacks its value: write `{key} = …`")));
    }
    Ok(true)
}

fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
    if assigned(key, input)? {
        let mut expr: Expr = input.parse()?;
        // What a `macro_rules!` hands on as `$x:literal` comes in brackets that are not seen.
        while let Expr::Group(group) = expr {
            expr = *group.expr;
        }
        return Ok(Value::Expr(expr));
    }
    if input.peek(token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        return Ok(Value::List(content.parse()?));
    }
    Ok(Value::Flag)
}

/// `= PATTERN`, alternatives included.
fn pattern(key: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
    if !input.peek(Token![=]) {
        return value(key, input);
    }
    assigned(key, input)?;
    // A bar in front may begin a closure as well.
    let read = if input.peek(Token![|]) { None } else { Pat::parse_multi(input).ok() };
    let ends = input.is_empty() || input.peek(Token![,]);
    read.filter(|_| ends).map(Value::Pattern).ok_or_else(|| {
        input.error(format!("`{key}` is a pattern: write `{key} = MyError::Timeout | MyError::Http(_)`"))
    })
}

/// Steps over the value of an unknown name, whatever it is.
fn value_of_unknown(input: ParseStream<'_>) {
    let ahead = input.fork();
    if ahead.parse::<Token![=]>().is_ok() && ahead.parse::<Expr>().is_ok() {
        input.advance_to(&ahead);
    } else {
        skip(input);
    }
}

/// Steps to the next comma.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// How to write it, if it is not written so.
fn mismatch(name: &str, shape: Shape, value: &Value) -> Option<String> {
    let (assigned, called) = (format!("`{name} = …`"), format!("`{name}(…)`"));
    match (shape, value) {
        (Shape::Value, Value::Expr(_))
        | (Shape::List, Value::List(_))
        | (Shape::ValueOrList, Value::Expr(_) | Value::List(_))
        | (Shape::FlagOrValue, Value::Flag | Value::Expr(_))
        | (Shape::Pattern, Value::Pattern(_)) => None,
        (Shape::Value | Shape::Pattern, _) => Some(assigned),
        (Shape::List, _) => Some(called),
        (Shape::ValueOrList, _) => Some(format!("{assigned} or {called}")),
        (Shape::FlagOrValue, _) => Some(format!("`{name}` or {assigned}")),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const KEYS: &[Key] = &[
        Key("ttl", Shape::Value),
        Key("skip", Shape::List),
        Key("err_ttl", Shape::ValueOrList),
        Key("handle", Shape::FlagOrValue),
        Key("errors", Shape::Pattern),
        Key("crate", Shape::Value),
    ];

    fn read(tokens: TokenStream) -> (Arguments, Vec<String>) {
        let mut errors = Errors::default();
        let arguments = Arguments::parse("`#[x]`", tokens, &[KEYS], None, &mut errors);
        (arguments, errors.messages())
    }

    #[test]
    fn values_lists_and_flags_are_found_by_name() {
        let (mut arguments, errors) =
            read(quote!(ttl = |v| f::<A, B>(v), skip(a, b), handle, crate = crate::x,));
        assert_eq!(errors, [""; 0]);
        assert!(matches!(arguments.expr("ttl"), Some((_, Expr::Closure(_)))));
        assert!(matches!(arguments.take("skip"), Some(Argument { value: Value::List(_), .. })));
        assert!(matches!(arguments.take("handle"), Some(Argument { value: Value::Flag, .. })));
        assert!(arguments.expr("crate").is_some());
        assert!(arguments.take("ttl").is_none());
    }

    #[test]
    fn every_mistake_is_told_and_the_rest_is_still_read() {
        let check = |tokens: TokenStream, expected: &[&str]| {
            let (mut arguments, errors) = read(quote!(#tokens, err_ttl = 1));
            assert_eq!(errors, expected, "{tokens}");
            assert!(arguments.expr("err_ttl").is_some(), "{tokens}");
        };
        let takes = "It takes ttl, skip, err_ttl, handle, errors, crate";
        check(quote!(tll = "3h"), &[&format!("`#[x]` has no argument `tll`; did you mean `ttl`? {takes}")]);
        check(quote!(ttl = 1, ttl = 2), &["`ttl` is given twice"]);
        check(quote!(ttl), &["write `ttl = …`"]);
        check(quote!(ttl(1)), &["write `ttl = …`"]);
        check(quote!(ttl =), &["`ttl` lacks its value: write `ttl = …`"]);
        check(quote!(ttl: 3), &["write `ttl = …`, with `=`"]);
        check(quote!(skip = a), &["write `skip(…)`"]);
        check(quote!(handle(a)), &["write `handle` or `handle = …`"]);
        check(quote!(errors), &["write `errors = …`"]);
        check(quote!(errors(E::A)), &["write `errors = …`"]);
        check(quote!(errors =), &["`errors` lacks its value: write `errors = …`"]);
        for no_pattern in [quote!(errors = |e| e.is_fatal()), quote!(errors = E::A if x), quote!(errors = !a)]
        {
            let how = "`errors` is a pattern: write `errors = MyError::Timeout | MyError::Http(_)`";
            check(no_pattern, &[how]);
        }
        check(quote!(ttl = 1 skip(a)), &["expected `,` between arguments"]);
        check(
            quote!("user:<id>"),
            &["write `name = value`: `#[x]` takes ttl, skip, err_ttl, handle, errors, crate"],
        );
        check(
            quote!(kez = 1, skip = 2, ttl),
            &[&format!("`#[x]` has no argument `kez`. {takes}"), "write `skip(…)`", "write `ttl = …`"],
        );
    }
}
