//! Return types that say by themselves that they are neither `Result` nor `Option`.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{ReturnType, Type};

use super::{Form, Function};
use crate::error::Errors;

const PRIMITIVES: [&str; 17] = [
    "bool", "char", "str", "f32", "f64", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
    "i64", "i128", "isize",
];

impl Function {
    /// Refuses an argument that speaks of `None` or `Err` where none can come.
    pub(crate) fn refuse_idle(&self, place: Span, argument: &str, wanted: &str, errors: &mut Errors) {
        if let Some(returned) = self.returns_plainly() {
            let name = self.name();
            errors.push(
                place,
                format!(
                    "`{argument}` is for functions that return {wanted}, and `{name}` returns {returned}"
                ),
            );
        }
    }

    /// What the function returns, in words, if that is certainly no `Result` and no `Option`. A path may be an
    /// alias of either and says nothing.
    pub(crate) fn returns_plainly(&self) -> Option<String> {
        if self.form == Form::Async && matches!(self.sig.output, ReturnType::Default) {
            return Some("nothing".to_owned());
        }
        let output = self.output();
        let shown =
            || output.to_token_stream().to_string().replace(" ,", ",").replace(" ;", ";").replace("& ", "&");
        is_plain(&output).then(|| format!("`{}`", shown()))
    }
}

fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Tuple(_)
        | Type::Array(_)
        | Type::Slice(_)
        | Type::Reference(_)
        | Type::Ptr(_)
        | Type::FnPtr(_) => true,
        Type::Group(group) => is_plain(&group.elem),
        Type::Paren(paren) => is_plain(&paren.elem),
        Type::Path(path) => {
            path.path.get_ident().is_some_and(|name| PRIMITIVES.iter().any(|primitive| name == primitive))
        }
        _ => false,
    }
}
