//! `key!`, `purge!`, `duration!`, `#[derive(KeyPart)]`.

use proc_macro2::TokenStream;

use super::packed;

fn said(expanded: &TokenStream) -> Vec<String> {
    let text = expanded.to_string();
    let mut messages = Vec::new();
    for piece in text.split("compile_error").skip(1) {
        let start = piece.find('{').unwrap() + 1;
        let literal: TokenStream = piece[start..].split_once(" }").unwrap().0.parse().unwrap();
        messages.push(syn::parse2::<syn::LitStr>(literal).unwrap().value());
    }
    messages
}

fn run(expand: fn(TokenStream) -> TokenStream, source: &str) -> TokenStream {
    expand(source.parse().unwrap())
}

#[track_caller]
fn refused(expand: fn(TokenStream) -> TokenStream, source: &str, expected: &[&str]) {
    assert_eq!(said(&run(expand, source)), expected, "{source}");
}

#[test]
fn durations_are_constants() {
    let millis = |source: &str| packed(&run(crate::bang::duration, source));
    assert_eq!(millis("\"1d2h\""), "::core::time::Duration::from_millis(93600000u64)");
    assert_eq!(millis("90"), "::core::time::Duration::from_millis(90000u64)");
    refused(crate::bang::duration, "\"0\"", &["`0` is a duration of zero: write at least \"1ms\""]);
    let text = "write the duration as text, such as \"1d2h3m50s\", or as whole seconds";
    refused(crate::bang::duration, "x", &[text]);
    refused(
        crate::bang::duration,
        "\"forever\"",
        &["`forever` is not a duration: a number is missing before `forever`; write numbers with units, \
                large to small, as in \"1d2h3m50s\" or \"250ms\" (units: w d h m s ms)"],
    );
}

#[test]
fn a_key_is_made_of_what_is_in_scope() {
    let code = packed(&run(crate::bang::key, "\"user:<user.uid>:<lang:lower>\""));
    assert!(code.contains("literal(\"user:\")") && code.contains("part!(&mut__key,user.uid)"), "{code}");
    assert!(code.contains("filter::lower(&mut__key,&lang)") && code.contains("finish_key(__key)"), "{code}");
    let code = packed(&run(crate::bang::key, "crate = my::cache, profile(user.uid = id)"));
    assert!(code.contains("my::cache::__private::all_given(") && code.contains("&[\"user.uid\"]"), "{code}");
    refused(
        crate::bang::key,
        "",
        &["of what? Write `key!(\"user:<id>\")` or `key!(profile(user.uid = id))`"],
    );
    refused(crate::bang::key, "\"a\", \"b\"", &["`key!` makes one key: write another `key!` for this"]);
    refused(
        crate::bang::key,
        "\"lock:a\"",
        &["keys that begin with `lock:` belong to macadamia: begin with something else"],
    );
    refused(
        crate::bang::key,
        "\"a:*\"",
        &["in \"a:*\": `*` is a wildcard, and a key has none: wildcards belong into `#[invalidate]` and \
                `purge!`"],
    );
    refused(crate::bang::key, "\"a\", ttl = 3", &["`key!` has no argument `ttl`. It takes crate"]);
}

#[test]
fn a_purge_takes_many_targets() {
    let code = packed(&run(crate::bang::purge, "items(page = 3), \"user:<id>:*\", cache = other"));
    assert_eq!(code.matches("Target::new(").count(), 2);
    assert_eq!(code.matches("cache_of(&(other))").count(), 2);
    assert!(
        packed(&run(crate::bang::purge, "items"))
            .contains("cache_of_handle(&<__MacadamiaTargetas::macadamia::__private::Handle>::CACHE)")
    );
    refused(
        crate::bang::purge,
        "",
        &["what? Write a function, `items(page = 3)`, a pattern, `\"user:<id>\"`, or `tags = [\"items\"]`"],
    );
    refused(
        crate::bang::purge,
        "items(3)",
        &["name the placeholder: `items(user.uid = id)`, or `page = _` for any value"],
    );
}

#[test]
fn a_struct_is_its_fields_and_an_enum_its_variant() {
    let code =
        |source: &str| packed(&run(crate::derive::key_part, source)).replace("::macadamia::__private::", "");
    assert!(code("struct A(u8);").contains("KeyPart::write(&self.0,__out);"));
    let body = code("struct A<T> { a: T, #[key_part(skip)] b: f64, c: u8 }");
    assert!(body.contains("impl<T:KeyPart>KeyPartforA<T>"), "{body}");
    assert!(body.contains("{__fields.field(&self.a);__fields.field(&self.c);}"), "{body}");
    assert!(code("struct A<T>(#[key_part(skip)] PhantomData<T>, u8, u8);").contains("impl<T>KeyPartforA<T>"));
    let body = code("enum E { A, B(u8, #[key_part(skip)] u8), r#C { x: u8 } }");
    assert!(body.contains("Self::A=>__out.text(\"A\"),"), "{body}");
    assert!(body.contains("Self::B{0:__field0,..}=>{__out.text(\"B\");__out.fields("), "{body}");
    assert!(body.contains("{x:__field0,..}=>{__out.text(\"C\");"), "{body}");
    assert!(code("enum Never {}").contains("match*self{}"));
    assert!(
        packed(&run(crate::derive::key_part, "#[key_part(crate = x)] struct A;"))
            .contains("x::__private::KeyPart")
    );
}

#[test]
fn what_cannot_be_derived_is_refused() {
    let check = |source: &str, expected: &str| {
        refused(crate::derive::key_part, source, &[expected]);
        let code = packed(&run(crate::derive::key_part, source));
        assert!(code.contains("KeyPartfor"), "uses of the type would be mistakes as well: {code}");
    };
    check("union U { a: u8 }", "a union cannot be part of a key: nobody knows which field it holds");
    check(
        "struct A { #[key_part(skp)] a: u8 }",
        "`#[key_part]` on a field has no argument `skp`; did you mean `skip`? It takes skip",
    );
    for form in ["key_part(skip = 1)", "key_part", "key_part = \"skip\"", "key_part[skip]"] {
        check(&format!("struct A {{ #[{form}] a: u8 }}"), "write `#[key_part(skip)]`");
    }
    check(
        "#[key_part] struct A { a: u8 }",
        "write `#[key_part(crate = path)]`, or `#[key_part(skip)]` on a field",
    );
    check(
        "enum E { #[key_part] A(u8) }",
        "a variant has nothing to say: `#[key_part(skip)]` goes on its fields",
    );
    check(
        "#[key_part(skip)] struct A { a: u8 }",
        "`#[key_part]` on a type has no argument `skip`. It takes crate",
    );
    check(
        "enum E { #[key_part(skip)] A }",
        "`#[key_part]` on a variant has no argument `skip`. It takes no arguments",
    );
}
