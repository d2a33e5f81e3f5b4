//! `#[locked]`: one execution of a key at a time.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Lit};

use super::guard::{Asking, Guard};
use super::{Attribute, Common, Frame, Input, KEYED, Layer};
use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::key::Key;
use crate::krate::Private;
use crate::value::{self, LEASE, Period};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "locked", stores: false, counts: true, parse };

const KEYS: &[Argument] =
    &[Argument("ttl", Shape::Value), Argument("wait", Shape::Value), Argument("fence", Shape::Value)];

struct Locked {
    guard: Guard,
    lease: Period,
    wait: Wait,
    /// The variable that holds the number.
    fence: Option<Ident>,
}

/// How long to wait.
enum Wait {
    Millis(u64),
    /// `true`, `false`, or what the call says.
    Expr(Expr),
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let keys = &[KEYS, KEYED, Common::KEYS];
    let mut arguments = Arguments::parse("`#[locked]`", input.args.clone(), keys, None, errors);
    let common = Common::take(&mut arguments, errors);
    let key = Key::take(&mut arguments, input.function, errors);
    let lease = match arguments.expr("ttl") {
        Some((key, expr)) => lease(&key, expr, errors),
        None => Some(Period::Millis(LEASE)),
    };
    let wait = match arguments.expr("wait") {
        Some((key, expr)) => wait(&key, expr, errors),
        None => Some(Wait::Expr(syn::parse_quote!(true))),
    };
    let fence = arguments.expr("fence").map(|(_, expr)| fence(&expr, input.function, errors));
    let fence = fence.map_or(Some(None), |fence| fence.map(Some));
    let guard = Guard { common, key: key? };
    Some(Box::new(Locked { guard, lease: lease?, wait: wait?, fence: fence? }))
}

fn lease(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<Period> {
    if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &expr
        && text.value().trim() == "forever"
    {
        errors.at(
            &expr,
            "a lease is renewed while the function runs, and ends when its process does: write how long others wait \
                then, such as \"10s\"",
        );
        return None;
    }
    known_before(key, &expr, errors)?;
    Period::parse(key, expr, errors)
}

fn wait(key: &Ident, expr: Expr, errors: &mut Errors) -> Option<Wait> {
    let text = match &expr {
        Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => return Some(Wait::Expr(expr)),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_digits().to_owned(),
        _ => String::new(),
    };
    let mut digits = text.bytes().filter(u8::is_ascii_digit).peekable();
    if digits.peek().is_some() && digits.all(|digit| digit == b'0') {
        errors.at(&expr, "who is not to wait at all says `wait = false`");
        return None;
    }
    known_before(key, &expr, errors)?;
    Period::parse(key, expr, errors).map(|period| match period {
        Period::Millis(millis) => Wait::Millis(millis),
        Period::Expr(expr) => Wait::Expr(expr),
    })
}

fn known_before(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<()> {
    if let Expr::Closure(closure) = expr {
        errors.at(closure, format!("`{key}` is known before the call: write the expression, without `|…|`"));
        return None;
    }
    Some(())
}

/// A name of its own: under one of a parameter, key and body would mean different things by it.
fn fence(expr: &Expr, function: &Function, errors: &mut Errors) -> Option<Ident> {
    let name = match expr {
        Expr::Path(path) => {
            path.path.get_ident().filter(|name| syn::parse_str::<Ident>(&name.to_string()).is_ok())
        }
        _ => None,
    };
    let Some(name) = name else {
        errors.at(expr, "`fence` names a variable for the number of the lock: write `fence = token`");
        return None;
    };
    if function.bindings().any(|binding| binding.unraw() == name.unraw()) {
        errors
            .at(name, format!("`{name}` is a parameter, and the fence would hide it: give it another name"));
        return None;
    }
    Some(name.clone())
}

impl Locked {
    /// How the lock is taken; an expression is evaluated here, before the body.
    fn terms(&self) -> TokenStream {
        let (p, site, is_fenced) = (&self.guard.common.p, Span::mixed_site(), self.fence.is_some());
        let lease = &self.lease;
        let lease = quote_spanned!(value::here(lease)=> let __lease: ::core::time::Duration = #lease;);
        let wait = match &self.wait {
            Wait::Millis(millis) => {
                quote_spanned!(site=> ::core::result::Result::Ok(::core::time::Duration::from_millis(#millis)))
            }
            Wait::Expr(expr) => {
                let here = value::here(expr);
                let p = p.at(here);
                quote_spanned!(here=> #p::locked::IntoWait::into_wait(#expr))
            }
        };
        quote_spanned! {site=>
            {
                #lease
                let __wait = #wait;
                #p::locked::Terms { lease: __lease, wait: __wait, is_fenced: #is_fenced }
            }
        }
    }
}

impl Layer for Locked {
    fn private(&self) -> &Private {
        &self.guard.common.p
    }

    fn state(&self, function: &Function) -> Option<String> {
        self.guard.state(function)
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let (p, site, inner) = (&self.guard.common.p, Span::mixed_site(), &frame.inner);
        let fence = self.fence.as_ref();
        let fence =
            fence.map(|name| quote_spanned!(site=> let #name: #p::locked::Fence = __admitted.fence();));
        // Whoever counts knows by itself.
        let is_refused = frame.asks("is_refused").filter(|_| frame.counts);
        let ran = is_refused.map_or_else(|| quote!(true), |is_refused| quote_spanned!(site=> !#is_refused));
        let asking = Asking {
            module: "locked",
            rule: self.terms(),
            leave: quote_spanned!(site=> __admitted.leave(#ran);),
            around: Some((fence.unwrap_or_default(), quote_spanned!(site=> __admitted.run(#inner)))),
        };
        self.guard.wrap(frame, &asking)
    }
}
