//! `many = ids`: the function takes many elements, each with an entry of its own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, GenericArgument, Pat, PathArguments, Type, parse_quote};

use super::OfMany;
use crate::attribute::Frame;
use crate::error::{Errors, hint, parameters};
use crate::function::Function;
use crate::grammar::{Arguments, Key as Argument, Shape};
use crate::keeper::{Keeper, if_refused};
use crate::keeping::Keeping;
use crate::key::Key;
use crate::krate::Private;

/// The parameter of many elements.
pub(super) struct Many {
    name: Ident,
    pat: Pat,
    element: Type,
    /// Whether the function takes a `Vec` and no slice.
    owned: bool,
    place: Span,
}

impl Many {
    pub(super) const KEYS: &[Argument] = &[Argument("many", Shape::Value)];

    pub(super) fn take(arguments: &mut Arguments, function: &Function, errors: &mut Errors) -> Option<Self> {
        let (key, expr) = arguments.expr("many")?;
        let place = key.span();
        let name = match &expr {
            Expr::Path(path) => path.path.get_ident().map(|name| name.unraw().to_string()),
            _ => None,
        };
        let given = name.as_deref().unwrap_or_default();
        let Some(param) =
            function.params.iter().find(|param| param.plain().is_some_and(|plain| plain.unraw() == given))
        else {
            let known: Vec<_> =
                function.params.iter().filter_map(|param| param.plain()).map(ToString::to_string).collect();
            let known = || known.iter().map(String::as_str);
            let names = parameters(known());
            errors.at(
                &expr,
                format!("`many` names the parameter that holds the elements{} {names}", hint(given, known())),
            );
            return None;
        };
        let Some((element, owned)) = elements(&param.ty) else {
            errors.at(&param.ty, format!("`{given}` is no list: with `many` it is `&[T]` or `Vec<T>`"));
            return None;
        };
        Some(Self { name: param.plain()?.clone(), pat: param.pat.clone(), element, owned, place })
    }

    /// What the rest of the attribute must be like.
    pub(super) fn check(
        &self,
        key: Option<&Key>,
        function: &Function,
        keeping: &Keeping,
        errors: &mut Errors,
    ) {
        let name = &self.name;
        if let Some(key) = key
            && !function.params.iter().any(|param| param.plain() == Some(name) && key.uses(param))
        {
            errors.push(
                self.place,
                format!("the key is the same for all elements: name one, as in `key = \"user:<{name}>\"`"),
            );
        }
        let output = function.output();
        if !may_be_map(&output) {
            errors.at(
                output,
                "with `many` a function returns a map from elements to values: `HashMap<K, V>`, `BTreeMap<K, V>` or \
                    `Vec<(K, V)>`, or a `Result` of one",
            );
        }
        if let Some(err_ttl) = keeping.err_ttl_place() {
            errors.push(err_ttl, "with `many` an `Err` belongs to no element: leave `err_ttl` out");
        }
        if let Some((lock, _)) = keeping.lock {
            errors.push(
                lock,
                "with `many` two calls could each hold the lease of an element that the other waits for: leave `lock` \
                    out",
            );
        }
    }

    /// The function of one element: what the handle speaks of.
    pub(super) fn of_one(&self, function: &Function, p: &Private) -> Function {
        let (element, output) = (&self.element, function.output());
        let mut one = function.clone();
        for param in one.params.iter_mut().filter(|param| param.plain() == Some(&self.name)) {
            let name = &self.name;
            param.ty =
                if matches!(element, Type::Reference(_)) { element.clone() } else { parse_quote!(&#element) };
            param.pat = parse_quote!(#name);
        }
        one.returning(parse_quote!(::core::option::Option<<#output as #p::batch::Batched>::Value>))
    }
}

/// Whether the type is a map or may be the alias of one.
fn may_be_map(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return matches!(ty, Type::Paren(_) | Type::Group(_) | Type::Macro(_)) };
    let Some(last) = path.path.segments.last() else { return true };
    let first = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        _ => None,
    };
    match (last.ident.to_string().as_str(), first) {
        ("Result", Some(inside)) => may_be_map(inside),
        ("Vec", Some(pair)) => !matches!(pair, Type::Path(_) | Type::Reference(_)),
        ("Option" | "String" | "Vec" | "bool" | "char", _) => false,
        (number, None) => !(number.starts_with(['u', 'i', 'f']) && number[1..].parse::<u8>().is_ok()),
        _ => true,
    }
}

/// The type of the elements, and whether the function owns them.
fn elements(ty: &Type) -> Option<(Type, bool)> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Slice(slice) => Some(((*slice.elem).clone(), false)),
            _ => None,
        },
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident == "Vec")?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(element) => Some((element.clone(), true)),
                _ => None,
            })
        }
        Type::Paren(paren) => elements(&paren.elem),
        Type::Group(group) => elements(&group.elem),
        _ => None,
    }
}

impl OfMany {
    pub(super) fn wrap_many(&self, frame: &Frame<'_>) -> TokenStream {
        let Self { keeper, policy, many, .. } = self;
        let Keeper { common, key, keeping, .. } = keeper;
        let Frame { function, label, output, inner, .. } = frame;
        let refused = if_refused(frame, &quote_spanned!(Span::mixed_site()=> __fetched.refused();));
        let (p, site, handle) = (&common.p, Span::mixed_site(), self.handle(function));
        let (settings, rendered) = (keeper.settings(policy), keeper.rendered(handle.as_ref()));
        let (head_text, cache, tags) = (key.literal_head(), common.cache(), keeping.tags.print(p));
        let condition = common.when(&Ident::new("__when", site));
        let (undecodable, recall) = (function.undecodable(), frame.note("recall"));
        let value = quote_spanned! {site=>
            #undecodable ::core::option::Option<<#output as #p::batch::Batched>::Value>
        };
        let (storable, returns) = (keeping.asks(output, p), keeping.returns(&value, handle.as_ref(), p));
        let (before, after) = (keeping.before(p), keeping.after_each());
        let Many { name, pat, element, owned, .. } = many;
        let picked = Ident::new("__picked", site);
        // The body has a variable of its own; this one is `mut` for nothing.
        let mutable = matches!(pat, Pat::Ident(pat) if pat.mutability.is_some())
            .then(|| quote_spanned!(site=> let _ = &mut #name;));
        let rest = if *owned {
            quote!(let #pat: ::std::vec::Vec<#element> = #picked;)
        } else {
            quote!(let #pat: &[#element] = &#picked;)
        };
        quote_spanned! {site=>
            static __MACADAMIA_SITE: #p::Site = #p::Site::new(&__MACADAMIA_FN, #head_text);
            let __returns = || #returns;
            #storable
            #mutable
            let __fetched = {
                let __cache = #cache;
                #condition
                let mut __batch = #p::batch::Batch::new(&__MACADAMIA_SITE, __cache, __returns(), #settings);
                for #name in &#name[..] {
                    let mut __key = #p::KeyBuf::new();
                    #[allow(clippy::used_underscore_binding)]
                    { #rendered }
                    __batch.push(__key, #tags);
                }
                __batch.fetch()
            }
            .await;
            let mut __answers = __fetched.known(&#name[..], __returns());
            if __fetched.is_complete() {
                #recall
                break #label #p::batch::Batched::answer(__answers);
            }
            #before
            let #picked = __fetched.pick(&#name[..]);
            let __wanted = #p::batch::keys(&#picked);
            let __others = __fetched.others(&#name[..]);
            #rest
            let mut __map = match #p::batch::Batched::split(__fetched.run(#inner).await) {
                ::core::result::Result::Ok(__map) => __map,
                ::core::result::Result::Err(__error) => {
                    #refused
                    __fetched.fail();
                    break #label <#output as #p::batch::Batched>::failed(__error);
                }
            };
            let mut __stores = ::std::vec::Vec::new();
            let __each = ::core::iter::Iterator::zip(
                ::core::iter::IntoIterator::into_iter(__wanted),
                ::core::iter::IntoIterator::into_iter(__others),
            );
            for ((__wanted, __others), __lead) in ::core::iter::Iterator::zip(__each, __fetched.leads()) {
                let __value = #p::batch::BatchMap::take(&mut __map, &__wanted);
                for __other in __others {
                    let __again = ::core::option::Option::flatten(__returns().again(&__value));
                    __answers.extend(::core::option::Option::map(__again, |__value| (__other, __value)));
                }
                let __kept = __lead.keep(__returns(), &__value) #after .done();
                match __lead.leave(__returns(), __value, __kept, ::core::option::Option::None) {
                    #p::Enter::Answer(__value) => {
                        __answers.extend(::core::option::Option::map(__value, |__value| (__wanted, __value)));
                    }
                    #p::Enter::Go((__store, __value)) => {
                        __stores.push(__store);
                        __answers.push((__wanted, __value));
                    }
                }
            }
            ::core::mem::drop(__map);
            #p::batch::all(__stores).await;
            #p::batch::Batched::answer(__answers)
        }
    }
}
