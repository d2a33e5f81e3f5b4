//! The key context: values that templates name and no parameter carries.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::state::ask;
use crate::key::{KeyBuf, KeyPart};

/// A value of the key context as text: what [`Scope::key`](crate::Scope::key) set around the running code, innermost
/// first. `None` if nobody did.
///
/// For code that must do as the templates do: choose a connection by tenant, say the client's name in a log. A
/// string or a number comes back as it is; other values as they stand in keys.
///
/// ```
/// use cache_core::{Scope, context};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let name = Scope::new().key("client", "Alice B").run(async { context("client") }).await;
/// assert_eq!(name.as_deref(), Some("Alice B"));
/// # });
/// ```
pub fn context(name: &str) -> Option<String> {
    let text = ask(|state| state.key(name))?;
    // How keys show a value without text.
    if &*text == "%-" {
        return Some(String::new());
    }
    let decoded = percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned);
    Some(decoded.unwrap_or_else(|_| text.to_string()))
}

/// A value as keys show it; `None` if it makes no key.
pub(super) fn text_of(value: &(impl KeyPart + ?Sized)) -> Option<Arc<str>> {
    let mut text = KeyBuf::new();
    text.part(value);
    text.why_unkeyable().is_none().then(|| text.as_str().into())
}

/// Appends the context value `name`; without one the arguments make no key.
pub fn write_context(out: &mut KeyBuf, name: &str) {
    match ask(|state| state.key(name)) {
        Some(text) => out.literal(&text),
        None => out.unkeyable("a value of the key context is not set (`Scope::new().key(…)`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    fn read(name: &str) -> Option<String> {
        let mut out = KeyBuf::new();
        write_context(&mut out, name);
        out.why_unkeyable().is_none().then(|| out.as_str().to_owned())
    }

    #[tokio::test]
    async fn keys_get_the_escaped_text_and_code_the_plain_one() {
        let inside = async {
            assert_eq!(
                (read("lang").as_deref(), context("lang").as_deref()),
                (Some("en%3AGB"), Some("en:GB"))
            );
            assert_eq!((read("none").as_deref(), context("none").as_deref()), (Some("%-"), Some("")));
            assert_eq!((read("id").as_deref(), context("id").as_deref()), (Some("7"), Some("7")));
            assert_eq!((read("other"), context("other")), (None, None));
        };
        Scope::new().key("lang", "en:GB").key("none", "").key("id", &7).run(inside).await;
    }
}
