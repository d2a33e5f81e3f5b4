//! The head of a default key: the path of the item, as the compiler knows it.

use std::any::{type_name, type_name_of_val};

use crate::key::KeyBuf;

/// Appends the path of a type: the handle of a function has the function's own path.
pub fn head_of<T: ?Sized>(out: &mut KeyBuf) {
    append(out, type_name::<T>());
}

/// Appends the path of the function a capture-less closure was written in: with its impl type, and the type
/// arguments of both.
pub fn head_of_val<T>(out: &mut KeyBuf, closure: &T) {
    append(out, type_name_of_val(closure));
}

/// Appends the path of the method `name` from a closure in its handle, the constant `__handle_of_<name>`
/// beside it.
pub fn head_of_method<T>(out: &mut KeyBuf, closure: &T, name: &str) {
    let path = type_name_of_val(closure);
    append(out, path.rsplit_once("::__handle_of_").map_or(path, |(owner, _)| owner));
    out.literal("::");
    append(out, name);
}

/// Appends type arguments: `<a,b>`.
pub fn type_args(out: &mut KeyBuf, names: &[&str]) {
    out.literal("<");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.literal(",");
        }
        append(out, name);
    }
    out.literal(">");
}

/// A path without the compiler's closure marks, and without what a key may not contain.
fn append(out: &mut KeyBuf, path: &str) {
    for (index, piece) in path.split("::{{closure}}").enumerate() {
        if index > 0 && piece.is_empty() {
            continue;
        }
        let mut start = 0;
        for (at, c) in piece.char_indices() {
            let instead = match c {
                ' ' if piece[..at].ends_with(',') => "",
                // No name has a dot: `<A as T>` stays apart from `<Aas T>`.
                ' ' => ".",
                '[' => "(",
                ']' => ")",
                '*' => "ptr_",
                ';' | '{' | '}' | '?' | '%' | '\\' => "_",
                _ => continue,
            };
            out.literal(&piece[start..at]);
            out.literal(instead);
            start = at + c.len_utf8();
        }
        out.literal(&piece[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Repo<T>(T);

    impl<T> Repo<T> {
        #[expect(clippy::extra_unused_type_parameters, reason = "it is what the head must show")]
        fn head<U>(&self) -> String {
            let mut out = KeyBuf::new();
            head_of_val(&mut out, &|| ());
            let _ = &self.0;
            out.as_str().to_owned()
        }
    }

    #[test]
    fn a_head_tells_impl_types_and_type_arguments_apart() {
        assert_eq!(Repo(1u8).head::<bool>(), "cache_core::head::tests::Repo<u8>::head<bool>");
        assert_ne!(Repo(1u8).head::<bool>(), Repo(1u16).head::<bool>());
        assert_ne!(Repo(1u8).head::<bool>(), Repo(1u8).head::<char>());
    }

    #[test]
    fn a_head_contains_nothing_that_matches_or_separates_words() {
        let mut out = KeyBuf::new();
        head_of::<(Vec<[u8; 4]>, *const str)>(&mut out);
        assert!(!out.as_str().contains([' ', '*', '[', ']', ';', '{']), "{}", out.as_str());
    }

    #[test]
    fn a_head_keeps_words_apart() {
        trait Named {
            fn head() -> String {
                let mut out = KeyBuf::new();
                head_of_val(&mut out, &|| ());
                out.as_str().to_owned()
            }
        }
        impl Named for (u8, &'static str) {}
        let head = <(u8, &str)>::head();
        assert!(head.starts_with("<(u8,&str).as.cache_core::") && head.ends_with("::Named>::head"), "{head}");
    }

    #[tokio::test]
    async fn closures_and_async_blocks_leave_no_trace() {
        let mut out = KeyBuf::new();
        head_of_val(&mut out, &|| ());
        assert_eq!(out.as_str(), "cache_core::head::tests::closures_and_async_blocks_leave_no_trace");
    }
}
