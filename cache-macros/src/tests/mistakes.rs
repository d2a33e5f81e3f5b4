//! Every rule: the mistake, and what is said about it.

use super::{expand, messages, packed};

/// The messages, and that the function is still there without our attributes.
fn check(attributes: &str, function: &str, expected: &[&str]) {
    let expanded = expand(&format!("{attributes} {function}"));
    assert_eq!(messages(&expanded), expected, "{attributes}\n{function}");
    let (kept, expanded) = (packed(&syn::parse_str(function).unwrap()), unmarked(packed(&expanded)));
    assert!(expanded.ends_with(&kept), "{attributes}\n{function}: {expanded}");
}

/// Without what keeps the imports of our attributes used.
fn unmarked(mut code: String) -> String {
    while let Some(start) = code.find("const_:()={#[") {
        let end = code[start..].find("const_:()=();};").unwrap();
        code.replace_range(start..start + end + "const_:()=();};".len(), "");
    }
    code
}

const PLAIN: &str = "async fn profile(user: &User, lang: &str) -> Profile { load(user).await }";

#[test]
fn arguments() {
    let check =
        |arguments: &str, expected: &[&str]| check(&format!("#[cached({arguments})]"), PLAIN, expected);
    let takes = "It takes ttl, condition, time_condition, none_ttl, err_ttl, jitter, single_flight, \
        version, tags, lock, codec, many, key, prefix, skip, cache, when, crate, handle";
    check("", &["how long? Write `ttl = \"3h\"` (or `ttl = \"forever\"`)"]);
    check(
        "ttl = \"3h\", tll = 1",
        &[&format!("`#[cached]` has no argument `tll`; did you mean `ttl`? {takes}")],
    );
    check("ttl = \"3h\", early_ttl = 1", &[&format!("`#[cached]` has no argument `early_ttl`. {takes}")]);
    check("ttl = 1, ttl = 2", &["`ttl` is given twice"]);
    // What is meant, but not well said, is not missing besides.
    check("ttl(\"3h\")", &["write `ttl = …`"]);
    check("ttl", &["write `ttl = …`"]);
    check("ttl: 3", &["write `ttl = …`, with `=`"]);
    check("ttl =", &["`ttl` lacks its value: write `ttl = …`"]);
    check("tll = 3", &[&format!("`#[cached]` has no argument `tll`; did you mean `ttl`? {takes}")]);
    check("3", &[&format!("write `name = value`: `#[cached]` {}", takes.trim_start_matches("It "))]);
    check(
        "ttl = \"\"",
        &[
            "an empty text is not a duration: write numbers with units, large to small, as in \"1d2h3m50s\" or \
        \"250ms\" (units: w d h m s ms)",
        ],
    );
    check(
        "ttl = 1, condition = true",
        &["`condition` looks at the value: write `|value| …`, or the name of a function"],
    );
    check(
        "ttl = 1, lock = lang",
        &["`lock` is known before the call: `true`, `false`, or a lease such as \"10s\""],
    );
    check("ttl = 0", &["`0` is a duration of zero: write at least \"1ms\""]);
    check("ttl = -1", &["`ttl` cannot be negative"]);
    check("ttl = true", &["`ttl` takes text such as \"1h30m\", or whole seconds"]);
    check("ttl = |a, b| 1", &["`ttl` by closure takes the value: write `|value| …`"]);
    check("ttl = 1, none_ttl = |v| 1", &["`none_ttl` cannot be a closure: there is no value to look at"]);
    check("ttl = 1, time_condition = 0", &["`0` is a duration of zero: write at least \"1ms\""]);
    check(
        "ttl = 1, jitter = 10",
        &["`jitter` is a share: write \"10%\" (above 0, up to 100) or 0.1 (0 to 1)"],
    );
    check("ttl = 1, single_flight = 1", &["`single_flight` is `true` or `false`"]);
    check(
        "ttl = 1, version = \"2\"",
        &["`version` is a whole number from 0 to 4294967295: write `version = 1`"],
    );
    check(
        "ttl = 1, crate = \"x\"",
        &["`crate` is a path: write `crate = ::my_cache` or `crate = crate::cache`"],
    );
    check(
        "ttl = 1, when = |v| v",
        &["this is evaluated before the call: write the expression, without `|…|`"],
    );
    check(
        "ttl = 1, cache = |v| v",
        &["this is evaluated before the call: write the expression, without `|…|`"],
    );
}

#[test]
fn codecs() {
    let check = |codec: &str, expected: &[&str]| {
        let function = "async fn profile(user: &User, lang: &str) -> Result<Profile, E> { load(user).await }";
        for attribute in ["cached(", "early(", "hit(cache_hits = 9, ", "soft(", "fail("] {
            check(&format!("#[{attribute}ttl = 90, codec = {codec})]"), function, expected);
        }
    };
    let names = "There are bincode, json, msgpack, string, raw";
    check("\"jsn\"", &[&format!("no codec is called `jsn`; did you mean `json`? {names}")]);
    check("\"pickle\"", &[&format!("no codec is called `pickle`. {names}")]);
    check("json", &["names stand in quotes: write `codec = \"json\"`"]);
    let how = "`codec` is a name or a constant: write `codec = \"json\"`, or `codec = MyCodec`";
    check("1", &[how]);
    check("|value| Json", &[how]);
    let one =
        "`codec` is one for all calls: name a constant or a `static`, and no parameter, `self` or `Self`";
    check("lang", &[one]);
    check("user.codec", &[one]);
    check("self.codec", &[one]);
    check("Self::CODEC", &[one]);
    check("Own::new(lang)", &[one]);
    for passes in ["\"JSON\"", "Json", "&Json", "crate::codecs::OWN", "self::OWN", "Own::new(3)"] {
        let source = format!("#[cached(ttl = 1, codec = {passes})] {PLAIN}");
        assert_eq!(messages(&expand(&source)), [""; 0], "{passes}");
    }
}

#[test]
fn kept_errors() {
    let check = |arguments: &str, expected: &[&str]| {
        check(&format!("#[cached(ttl = 1, {arguments})]"), PLAIN, expected);
    };
    let bare = "`NotFound` alone would match every error: write its path (`MyError::NotFound`), or `_` for \
        all of them";
    check("err_ttl(NotFound = 5)", &[bare]);
    check("err_ttl(E::A | NotFound = 5)", &[bare]);
    check("err_ttl(E::A(_) = 0)", &["`0` is a duration of zero: write at least \"1ms\""]);
    check("err_ttl()", &["write `err_ttl = \"5s\"` or `err_ttl(MyError::NotFound(_) = \"5s\")`"]);
    check("err_ttl(E::A(_))", &["for how long? Write `= \"5s\"` behind the pattern"]);
    check("err_ttl", &["write `err_ttl = …` or `err_ttl(…)`"]);
}

#[test]
fn what_can_never_come_is_not_kept() {
    let check = |function: &str, none: bool, err: bool, returned: &str| {
        let expected = [
            (
                none,
                format!("`none_ttl` is for functions that return an `Option`, and `f` returns {returned}"),
            ),
            (err, format!("`err_ttl` is for functions that return a `Result`, and `f` returns {returned}")),
        ];
        let expected: Vec<_> = expected.iter().filter(|(said, _)| *said).map(|(_, text)| &**text).collect();
        check("#[cached(ttl = 1, none_ttl = 1, err_ttl = 1)]", function, &expected);
    };
    check("async fn f() {}", true, true, "nothing");
    check("async fn f() -> u64 { 0 }", true, true, "`u64`");
    check("async fn f() -> (u8, u8) { (0, 0) }", true, true, "`(u8, u8)`");
    check("async fn f() -> [u8; 2] { [0; 2] }", true, true, "`[u8; 2]`");
    check("async fn f() -> &'static str { \"\" }", true, true, "`&'static str`");
    // Whether a name is one of an alias is not to be seen.
    let passes = "#[cached(ttl = 1, none_ttl = 1, err_ttl = 1)] async fn f() -> Answer { load().await }";
    assert_eq!(messages(&expand(passes)), [""; 0]);
}

#[test]
fn keys() {
    let check = |arguments: &str, expected: &[&str]| {
        check(&format!("#[cached(ttl = 1, {arguments})]"), PLAIN, expected);
    };
    check(
        "key = \"u:<usr>\"",
        &["in \"u:<usr>\": `usr` is no parameter of `profile`; did you mean `user`? Its parameters: \
                user, lang"],
    );
    check(
        "key = \"u:<self.id>\"",
        &["in \"u:<self.id>\": `profile` has no `self`. Its parameters: user, lang"],
    );
    check(
        "key = \"u:*\"",
        &["in \"u:*\": `*` is a wildcard, and a key has none: wildcards belong into `#[invalidate]` and \
                `purge!`"],
    );
    for prefix in ["lock:", "rate_limit:", "circuit_breaker:", "perf:", "fail:", "hit:", "gen:"] {
        let message =
            format!("keys that begin with `{prefix}` belong to macadamia: begin with something else");
        check(&format!("key = \"{prefix}<lang>\""), &[&message]);
        check(&format!("prefix = \"{}\"", prefix.trim_end_matches(':')), &[&message]);
    }
    check(
        "key = user.uid",
        &["`key` is a template, `\"user:<user.uid>\"`, or a closure over parameters, `|user| …`"],
    );
    check(
        "key = |usr| 1",
        &["the closure of `key` names parameters of `profile`: `usr` is none; did you mean `user`? Its \
                parameters: user, lang"],
    );
    check(
        "key = |(a, b)| 1",
        &["the closure of `key` names parameters of `profile`. Its parameters: user, lang"],
    );
    check(
        "key = async |user| 1",
        &["`key` is computed before the call and cannot wait: write a closure without `async`"],
    );
    let plain = "`prefix` is plain text without wildcards, placeholders or white space, such as \"v2\"";
    for prefix in ["", "a b", "a*", "<lang>", "{lang}"] {
        check(&format!("prefix = {prefix:?}"), &[plain]);
    }
    check("prefix = v2", &["`prefix` is text: write `prefix = \"…\"`"]);
    check(
        "skip(lng)",
        &["`lng` is no parameter of `profile`; did you mean `lang`? Its parameters: user, lang"],
    );
    check("skip(self)", &["`self` is no parameter of `profile`. Its parameters: user, lang"]);
    check(
        "skip(user, key = 1)",
        &["`skip` takes the names of parameters and nothing else: write `skip(db, self)`"],
    );
    check(
        "skip(user), key = \"<lang>\"",
        &["`skip` shapes the default key: beside `key`, leave a parameter out by not naming it"],
    );
}

#[test]
fn functions() {
    let cached = "#[cached(ttl = 1)]";
    let sync = "`f` must be async: write `async fn f`. If it is, an attribute above has taken the `async`: \
        put this one above it";
    check(cached, "fn f() -> u8 { 0 }", &[sync]);
    check("#[invalidate(\"a\")]", "fn f() {}", &[sync]);
    check(
        cached,
        "fn f() -> impl Display { 0 }",
        &[sync, "`impl Trait` cannot be handed through: name the type that is returned"],
    );
    check(
        cached,
        "#[::core::prelude::v1::test] fn f() { let body = async {}; runtime().block_on(body); }",
        &["the test attribute above has made `f` an ordinary function: put this one above it"],
    );
    check(
        cached,
        "async unsafe fn f() {}"
            .replace("async unsafe", "unsafe")
            .replace("unsafe fn", "async unsafe fn")
            .as_str(),
        &["an `unsafe fn` cannot be annotated: annotate a safe one that calls it"],
    );
    check(
        cached,
        "async fn f(a: u8, (b, a): (u8, u8)) {}",
        &["two parameters are called `a`, from different macros: rename one of them"],
    );
    check(
        cached,
        "async fn f(#[cfg(unix)] a: u8, b: u8) {}",
        &[
            "`a` is not always there, and a handle needs to know all placeholders: write `handle = false`, or \
            leave it out of the key",
        ],
    );
    check(
        cached,
        "async fn f() -> impl Display { 0 }",
        &["`impl Trait` cannot be handed through: name the type that is returned"],
    );
    let borrowed = "what is cached outlives the call, so it cannot be borrowed: return an owned value, \
        such as `String` or `Arc<T>`";
    check(cached, "async fn f(a: &str) -> &str { a }", &[borrowed]);
    check(cached, "async fn f<'a>(a: &'a str) -> Option<&'a str> { None }", &[borrowed]);
    let boxed = "fn f(a: &str) -> Pin<Box<dyn Future<Output = &str> + '_>> { Box::pin(async move { a }) }";
    check(cached, boxed, &[borrowed]);
    let generic = "`T` may be a `Result`, and its `Err` would be kept like a value: say what to keep with \
        `condition = |value| …`";
    check(cached, "async fn f<T: Load>(id: u8) -> T { T::load(id).await }", &[generic]);
    let receiver = "a default key does not contain `self`: write `skip(self)` if all instances share their \
        entries, or a `key` that names what tells them apart, such as \"user:<self.id>\"";
    check(cached, "async fn f(&self) -> u8 { 0 }", &[receiver]);
    check(cached, "async fn f(self: Arc<Self>) -> u8 { 0 }", &[receiver]);
}

#[test]
fn handles() {
    let check = |arguments: &str, function: &str, expected: &[&str]| {
        check(&format!("#[cached(ttl = 1, {arguments})]"), function, expected);
    };
    check(
        "skip(self), handle = Name",
        "async fn f(&self) -> u8 { 0 }",
        &["the handle of a method has no name of its own: write `handle`, and targets name the method, as \
            in `Type::f(…)`"],
    );
    let associated = "`f` belongs to a type: write `handle`, and targets can name it as `Type::f(…)`, or \
        `handle = false`";
    check("key = \"a\"", "async fn f() -> Self { Self }", &[associated]);
    check("key = \"a\"", "async fn f() -> u8 { Self::load().await }", &[associated]);
    check(
        "key = |id| id, handle",
        "async fn f(&self, id: u8) -> u8 { 0 }",
        &["the key of `f` is made by code and has no placeholders: a method with such a key has no `handle`"],
    );
    let all: Vec<_> = (0..13).map(|index| format!("a{index}: u8")).collect();
    check(
        "handle",
        &format!("async fn f({}) -> u8 {{ 0 }}", all.join(", ")),
        &["`f` has 13 placeholders, and the handle of a method at most 12"],
    );
    check(
        "handle = \"x\"",
        PLAIN,
        &["`handle` is `false` or a name: write `handle = false` or `handle = ProfileCache`"],
    );
    check("handle(x)", PLAIN, &["write `handle` or `handle = …`"]);
}

#[test]
fn targets() {
    let check =
        |arguments: &str, expected: &[&str]| check(&format!("#[invalidate({arguments})]"), PLAIN, expected);
    let what = "what? Write a function, `profile(user.uid = id)`, a pattern, `\"user:<id>\"`, or `tags = [\"users\"]`";
    check("", &[what]);
    check("on = \"always\"", &[what]);
    check("items(id)", &["name the placeholder: `items(user.uid = id)`, or `page = _` for any value"]);
    check("items(3)", &["name the placeholder: `items(user.uid = id)`, or `page = _` for any value"]);
    check("items(user.get(1) = 3)", &["methods of a placeholder take no arguments"]);
    check("items(page = 1, page = _)", &["`page` is given twice"]);
    check(
        "items::<u8>(page = 1)",
        &["a function is named without type arguments: its keys of all types are meant"],
    );
    check("items, 7", &["expected a function, `profile(user.uid = id)`, or text, `\"user:<id>\"`"]);
    check(
        "\"u:<usr>\"",
        &["in \"u:<usr>\": `usr` is no parameter of `profile`; did you mean `user`? Its parameters: \
                user, lang"],
    );
    check(
        "\"<user><lang>\"",
        &["in \"<user><lang>\": nothing separates `<user>` from `<lang>`: put `:` between them, or \
                another of / | , ; # that no value contains"],
    );
    check(
        "items, on = \"alwys\"",
        &["`on` cannot be \"alwys\"; did you mean `always`? Write \"success\" (the default), \"always\" or \
                \"before\""],
    );
    check("items, on = always", &["`on` is text: write \"success\" (the default), \"always\" or \"before\""]);
    check(
        "items, ttl = 3",
        &["`#[invalidate]` has no argument `ttl`. It takes on, tags, cache, when, crate"],
    );
}

#[test]
fn stacks() {
    check(
        "#[cached(ttl = 1)] #[macadamia::cached(ttl = 2)]",
        PLAIN,
        &["`#[cached]` and `#[cached]` would store under the same key: keep one of them"],
    );
    check("#[cached(ttl = 1)] #[invalidate = \"x\"]", PLAIN, &["write `#[invalidate(…)]`"]);
    check(
        "#[cached(ttl = 1)]",
        "async fn f() { static __MACADAMIA_FN: u8 = 0; }",
        &["two attributes of macadamia did not see each other: import them under their own names"],
    );
}

#[test]
fn all_mistakes_of_all_attributes_are_told_at_once() {
    check(
        "#[invalidate(\"u:<usr>\", on = 3)] #[cached(key = \"<user><lang>\", jitter = 2)]",
        "fn profile(user: &User, lang: &str) -> &str { lang }",
        &[
            "`profile` must be async: write `async fn profile`. If it is, an attribute above has taken the \
                `async`: put this one above it",
            "in \"u:<usr>\": `usr` is no parameter of `profile`; did you mean `user`? Its parameters: \
                user, lang",
            "`on` is text: write \"success\" (the default), \"always\" or \"before\"",
            "in \"<user><lang>\": nothing separates `<user>` from `<lang>`: put `:` between them, or \
                another of / | , ; # that no value contains",
            "how long? Write `ttl = \"3h\"` (or `ttl = \"forever\"`)",
            "`jitter` is a share: write \"10%\" (above 0, up to 100) or 0.1 (0 to 1)",
        ],
    );
}

#[test]
fn what_is_no_function_stays_as_it_is() {
    let check = |item: &str, message: &str| {
        let item: proc_macro2::TokenStream = item.parse().unwrap();
        let expanded =
            crate::expand::attribute(crate::attribute::ALL, "cached", quote::quote!(ttl = 1), item.clone());
        let said = expanded.to_string();
        assert!(said.contains(message), "{said}");
        assert!(said.ends_with(&item.to_string()), "{said}");
    };
    check("const X: u8 = 3;", "this attribute goes on an `async fn`: this is a `const`");
    check(
        "impl S { async fn f() {} }",
        "this attribute goes on an `async fn`: put it on the methods of this `impl`",
    );
    check("struct S { a: fn() }", "this attribute goes on an `async fn`: this is a `struct`");
    check("async fn f(&self);", "this function has no body: put the attribute on the implementations");
}
