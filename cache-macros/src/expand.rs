//! From an attribute on a function to the function with its layers around the body.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::Lifetime;

use crate::attribute::{Attribute, Described, Frame, Input, Layer, Table};
use crate::error::Errors;
use crate::fallback;
use crate::function::Function;
use crate::krate::Private;
use crate::stack::{self, Applied};

/// The static that describes a function; in a body it shows that the function is expanded already.
pub(crate) const FUNCTION: &str = "__MACADAMIA_FN";

/// The argument of the marks that keep the user's imports used.
const NOOP: &str = "__noop";

/// Expands the attribute of this name; those of the table that stand below it expand with it.
pub(crate) fn attribute(table: &Table, name: &str, args: TokenStream, item: TokenStream) -> TokenStream {
    if is_noop(&args) {
        return item;
    }
    let Some(attribute) = table.find(|known| known == name) else { return item };
    let mut errors = Errors::default();
    let expanded = try_expand(table, attribute, args, item.clone(), &mut errors);
    match expanded {
        Some(expanded) if errors.is_empty() => expanded,
        _ => fallback::untouched(table, &errors, &item),
    }
}

fn is_noop(args: &TokenStream) -> bool {
    let mut words = args.clone().into_iter();
    matches!((words.next(), words.next()), (Some(TokenTree::Ident(word)), None) if word == NOOP)
}

fn try_expand(
    table: &Table,
    attribute: &'static Attribute,
    args: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let mut function: Function = errors.keep(syn::parse2(item))?;
    let stack = stack::collect(table, attribute, args, &mut function, errors);
    function.unfold();
    function.check(errors);
    let layers = (0..stack.len()).map(|depth| layer(&stack, depth, &function, errors)).collect::<Vec<_>>();
    let layers = layers.into_iter().collect::<Option<Vec<_>>>()?;
    apart(&stack, &layers, &function, errors);
    errors.is_empty().then(|| print(&function, &stack, &layers))
}

fn layer(
    stack: &[Applied],
    depth: usize,
    function: &Function,
    errors: &mut Errors,
) -> Option<Box<dyn Layer>> {
    let applied = stack.get(depth)?;
    let input = Input { args: applied.args.clone(), span: applied.span, function, stack, depth };
    (applied.attribute.parse)(&input, errors)
}

/// States of two layers of a kind have different keys, or each would take the other's for its own.
fn apart(stack: &[Applied], layers: &[Box<dyn Layer>], function: &Function, errors: &mut Errors) {
    let mut known = Vec::new();
    for (applied, layer) in stack.iter().zip(layers) {
        let name = applied.attribute.name;
        let Some(state) = layer.state(function).map(|key| (name, key)) else { continue };
        if known.contains(&state) {
            errors.push(
                applied.span,
                format!(
                    "another `#[{name}]` of this function keeps its state under the same key: give one of them a \
                        `prefix`, such as `prefix = \"slow\"`"
                ),
            );
        }
        known.push(state);
    }
}

fn print(function: &Function, stack: &[Applied], layers: &[Box<dyn Layer>]) -> TokenStream {
    let output = function.output();
    let mut inner = body(function);
    for (depth, layer) in layers.iter().enumerate().rev() {
        let label = Lifetime::new(&format!("'__layer{depth}"), Span::mixed_site());
        let block = {
            let (outside, inside) = (inside(depth > 0), inside(depth + 1 < layers.len()));
            let counts = counter(stack) == Some(depth);
            let frame =
                Frame { function, label: label.clone(), output: &output, outside, inside, counts, inner };
            let statements = layer.wrap(&frame);
            let notes = frame.inside.filter(|_| depth == 0).map(|name| notes(&name, layer.private()));
            quote_spanned!(Span::mixed_site()=> #label: { #notes #statements })
        };
        inner = if depth == 0 { block } else { quote!(async move { #block }) };
    }
    let inner = function.form.around(inner);
    let (marks, described) = (marks(stack), described(function, stack, layers));
    let expanded = function.with_body(&quote!(#marks #described #inner));
    let resorts: Vec<_> = layers.iter().filter_map(|layer| layer.resort()).collect();
    let beside = layers.iter().map(|layer| layer.beside(function, &resorts));
    quote!(#expanded #(#beside)*)
}

/// The layer that counts a call, so that each is counted once: the one that keeps values, which counts whatever comes
/// to it; else the outermost that can.
fn counter(stack: &[Applied]) -> Option<usize> {
    let first = |is: fn(&Attribute) -> bool| stack.iter().position(|applied| is(applied.attribute));
    first(|attribute| attribute.stores).or_else(|| first(|attribute| attribute.counts))
}

/// The name of the notes that inner layers leave for outer ones.
fn inside(is_there: bool) -> Option<Ident> {
    is_there.then(|| Ident::new("__inside", Span::mixed_site()))
}

/// Their declaration.
pub(crate) fn notes(name: &Ident, p: &Private) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        let #name = #p::Inside::new();
        let #name = &#name;
    }
}

/// The user's block, once, in place. The edge that is never taken pins the type that `?` and `return` mean.
fn body(function: &Function) -> TokenStream {
    let (output, block) = (function.output(), &function.body);
    let edge = quote_spanned! {Span::mixed_site()=>
        #[allow(unknown_lints, unreachable_code, clippy::all, clippy::pedantic, clippy::nursery)]
        if false {
            let __never: #output = loop {};
            return __never;
        }
    };
    // A block of its own, because its items would come after a statement; not quite with the user's braces,
    // because around a lone expression those would be redundant.
    let mut block = block.clone();
    block.set_span(Span::mixed_site().located_at(block.span()));
    quote!(async move { #edge #block })
}

/// Keeps the `use` of every collected attribute used, and shows that the name is ours.
pub(crate) fn marks(stack: &[Applied]) -> TokenStream {
    let noop = Ident::new(NOOP, Span::call_site());
    let paths = stack.iter().filter_map(|applied| applied.path.as_ref());
    paths.map(|path| quote!(const _: () = { #[#path(#noop)] const _: () = (); };)).collect()
}

/// The function's line in the registry.
fn described(function: &Function, stack: &[Applied], layers: &[Box<dyn Layer>]) -> TokenStream {
    let Some(first) = layers.first() else { return TokenStream::new() };
    let (p, described) = (first.private(), format_ident!("{FUNCTION}"));
    let Described { template, ttl, unkeyed, counters } =
        layers.iter().find_map(|layer| layer.described(function)).unwrap_or_default();
    let none = || quote!(::core::option::Option::None);
    let option =
        |text: Option<String>| text.map_or_else(none, |text| quote!(::core::option::Option::Some(#text)));
    let (template, ttl) = (option(template), option(ttl));
    let unkeyed = (!unkeyed.is_empty()).then(|| quote!(.with_unkeyed(&[#(#unkeyed),*])));
    let counters = counters.unwrap_or_else(|| {
        quote!({
            static __COUNTERS: #p::Counters = #p::Counters::new();
            &__COUNTERS
        })
    });
    let (name, strategies) = (function.name(), stack.iter().map(|applied| applied.attribute.name));
    quote! {
        static #described: #p::Function = #p::Function::new(
            ::core::module_path!(),
            #name,
            #template,
            &[#(#strategies),*],
            #ttl,
            ::core::file!(),
            ::core::line!(),
            #counters,
        )#unkeyed;
        #p::inventory::submit! { &#described }
    }
}
