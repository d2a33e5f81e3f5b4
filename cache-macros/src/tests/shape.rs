//! What is printed around a function.

use quote::quote;

use super::{expand, messages, packed};

fn printed(source: &str) -> String {
    let expanded = expand(source);
    assert_eq!(messages(&expanded), [""; 0], "{source}");
    packed(&expanded)
}

/// The pieces are there, in this order.
#[track_caller]
fn in_order(code: &str, pieces: &[&str]) {
    let mut rest = code;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { panic!("`{piece}` is not in `{rest}`\nof {code}") };
        rest = &rest[at + piece.len()..];
    }
}

#[test]
fn the_body_stands_once_and_in_place() {
    let code = printed("#[cached(ttl = \"3h\", key = \"k\")] async fn f() -> u8 { compute().await? }");
    assert_eq!(code.matches("compute()").count(), 1);
    in_order(
        &code,
        &[
            "asyncfnf()->u8{",
            "asyncmove{",
            "iffalse",
            "{compute().await?}",
            ".leave(__returns(),__out,__kept,",
            "enumf{}",
        ],
    );
}

#[test]
fn the_top_attribute_is_outermost() {
    let source = "#[invalidate(\"a\")] #[cached(ttl = 1, key = \"k\")] async fn f() -> u8 { 0 }";
    in_order(&printed(source), &["invalidate::enter(", "cached::enter(", "{0}"]);
    let source = "#[cached(ttl = 1, key = \"k\")] #[invalidate(\"a\")] async fn f() -> u8 { 0 }";
    in_order(&printed(source), &["cached::enter(", "invalidate::enter(", "{0}"]);
}

#[test]
fn other_attributes_stay_on_the_function_and_strangers_are_not_ours() {
    let source = "#[cached(ttl = 1)] /** Doc. */ #[instrument] #[other::cached(x)] \
        #[macadamia::invalidate(\"a\")] async fn f() {}";
    let code = printed(source);
    in_order(
        &code,
        &["Doc.", "#[instrument]#[other::cached(x)]asyncfnf(){", "#[macadamia::invalidate(__noop)]"],
    );
    assert!(code.contains("&[\"cached\",\"invalidate\"]"), "{code}");
}

#[test]
fn a_future_stays_the_kind_of_future_that_it_is() {
    let body = |function: &str| {
        let code = printed(&format!("#[cached(ttl = 1, key = \"k\")] {function}"));
        code[..code.find(".leave(").unwrap()].to_owned()
    };
    let opaque = body("fn f(a: &str) -> impl Future<Output = u8> + Send { async move { run(a).await? } }");
    in_order(
        &opaque,
        &["fnf(a:&str)->implFuture<Output=u8>+Send{", "asyncmove{'__layer0:", "{run(a).await?}"],
    );
    let boxed = "fn f(a: &str) -> Pin<Box<dyn Future<Output = u8> + '_>>";
    let plain = body(&format!("{boxed} {{ Box::pin(async move {{ run(a) }}) }}"));
    in_order(&plain, &["Box::pin(asyncmove{'__layer0:", "let__never:u8", "{run(a)}"]);
    let other = body(&format!("{boxed} {{ let b = a; b.boxed() }}"));
    in_order(&other, &["let__never:u8", "let__future={letb=a;b.boxed()};__future.await"]);
    let returning = body(&format!("{boxed} {{ if x {{ return y(); }} z().boxed() }}"));
    in_order(&returning, &["let__future=(move||->Pin<Box<dynFuture<Output=u8>+'_>>{ifx{returny();}"]);
    assert!(body("fn f() -> BoxFuture<'static, u8> { x() }").contains("let__never:u8"));
}

#[test]
fn a_pattern_that_async_trait_took_apart_is_a_parameter_again() {
    let code = printed(
        "#[cached(ttl = 1, skip(self))] fn f<'life0, 'async_trait>(&'life0 self, __arg1: (u8, u8)) -> \
            Pin<Box<dyn Future<Output = u8> + Send + 'async_trait>> { Box::pin(async move { let __self = self; \
            let (a, mut b) = { let __arg1 = __arg1; __arg1 }; b })}",
    );
    in_order(&code, &["(&'life0self,(a,mutb):(u8,u8))", "literal(\":a:\")", "{let__self=self;b}"]);
}

#[test]
fn attributes_inside_the_body_stay_at_its_top() {
    let code = printed("#[cached(ttl = 1)] async fn f() -> u8 { #![allow(unused)] 0 }");
    in_order(&code, &["asyncfnf()->u8{#![allow(unused)]", "{0}"]);
}

#[test]
fn a_mark_is_the_item_itself() {
    let item = quote!(
        const _: () = ();
    );
    assert_eq!(
        crate::expand::attribute(crate::attribute::ALL, "cached", quote!(__noop), item.clone()).to_string(),
        item.to_string()
    );
}

#[test]
fn a_default_key_names_every_parameter_that_is_not_skipped() {
    let source = "#[cached(ttl = 1, skip(db), prefix = \"v2\")] async fn f(db: &Db, (a, mut b): (u8, u8), \
        c: &str) -> u8 { 0 }";
    let code = printed(source);
    let key = &code[..code.find("cached::enter(").unwrap()];
    in_order(
        key,
        &[
            "Site::new(&__MACADAMIA_FN,\"v2:\")",
            "literal(\"v2:\")",
            "head_of::<f>",
            "literal(\":a:\")",
            "__key,a)",
            "literal(\":b:\")",
            "__key,b)",
            "literal(\":c:\")",
            "__key,c)",
        ],
    );
    assert!(!key.contains("db)"), "{key}");
    assert!(code.contains("TEMPLATE:&'staticstr=\"v2:f:a:<a>:b:<b>:c:<c>\""), "{code}");
}

#[test]
fn the_head_of_a_default_key_tells_instances_apart() {
    let code = printed("#[cached(ttl = 1)] async fn f<T: A, const N: usize>(x: impl B) -> u8 { 0 }");
    in_order(&code, &["head_of::<f>", "type_name::<T>()", "to_string(&N)", "type_name_of_val(&x)"]);
    let code = printed("#[cached(ttl = 1, skip(self))] async fn f<T: A>(&self, x: T) -> u8 { 0 }");
    in_order(&code, &["head_of_val(&mut__key,&||())", "literal(\":x:\")"]);
    assert!(!code.contains("enumf"), "{code}");
    assert!(printed("#[cached(ttl = 1, handle = false)] async fn f() -> u8 { 0 }").contains("head_of_val"));
}

#[test]
fn a_key_by_code_sees_the_parameters() {
    let code = printed(
        "#[cached(ttl = 1, key = |user: &User| user.uid)] async fn f(user: &User, lang: &str) -> u8 { 0 }",
    );
    in_order(&code, &["raw_key(&mut__key,&(user.uid))", "fnkey(user:&User)"]);
    assert!(!code.contains("__private::Handlefor"), "{code}");
}

#[test]
fn options_are_evaluated_before_the_body_and_applied_after_it() {
    let source = "#[cached(ttl = a.ttl, none_ttl = 1, err_ttl(E::A(_) = b.ttl, _ = \"forever\"), condition \
        = |v| *v > 0, time_condition = c.least, jitter = \"10%\", version = 7, single_flight = false, when \
            = a.ok, cache = a.cache)] async fn f(a: A) -> R { 0 }";
    in_order(
        &printed(source),
        &[
            "cache_of(&(a.cache))",
            "__when:bool=a.ok",
            "version:7u32,single_flight:false,lock:::core::option::Option::None,bypass:!__when",
            "__ttl=::macadamia::__private::IntoTtl::into_ttl(a.ttl)",
            "__none_ttl=::core::result::Result::Ok(::macadamia::__private::Ttl::from_millis(1000u64))",
            "__err_ttl0=::macadamia::__private::IntoTtl::into_ttl(b.ttl)",
            "__err_ttl1=::core::result::Result::Ok(::macadamia::__private::Ttl::FOREVER)",
            "__time_condition:::core::time::Duration=c.least",
            "{0}",
            ".keep(__returns(),&__out).ttl(__ttl).condition(|v|*v>0).time_condition(__time_condition).none_ttl(__none_ttl).err_ttl_with(",
            "E::A(_)=>::core::option::Option::Some(__err_ttl0)",
            "_=>::core::option::Option::Some(__err_ttl1)",
            ".jitter(0.1f64).done()",
        ],
    );
    let by_value = printed("#[cached(ttl = |v| v.ttl, err_ttl = \"5s\")] async fn f() -> R { 0 }");
    in_order(
        &by_value,
        &["__err_ttl=", ".keep(__returns(),&__out).ttl_with(|v|v.ttl).err_ttl(__err_ttl).done()"],
    );
}

#[test]
fn a_codec_is_held_once_by_the_handle_if_there_is_one() {
    let by = ".by(::core::option::Option::Some(";
    let code = printed("#[cached(ttl = 1, key = \"k\", codec = Own)] async fn f() -> u8 { 0 }");
    assert_eq!(
        code.matches("static__MACADAMIA_CODEC:&dyn::macadamia::__private::codec::Codec=&(Own);").count(),
        1
    );
    assert_eq!(code.matches(&format!("{by}f::__codec()))")).count(), 3, "the call, `peek` and `set`");
    let without =
        printed("#[cached(ttl = 1, key = \"k\", handle = false, codec = \"JSON\")] async fn f() -> u8 { 0 }");
    in_order(&without, &[by, "{static__MACADAMIA_CODEC:&dyn", "=::macadamia::__private::codec::json();"]);
    let two = "#[fail(ttl = 1, key = \"k\", codec = A)] #[soft(ttl = 9, key = \"k\", codec = B)] async fn f() -> R { 0 }";
    let two = printed(two);
    assert_eq!((two.matches("&(A)").count(), two.matches("&(B)").count()), (1, 1), "{two}");
    assert!(
        !printed("#[cached(ttl = 1)] async fn f() -> u8 { 0 }").contains("codec"),
        "nothing where none is said"
    );
}

#[test]
fn a_handle_takes_what_the_template_names() {
    let code = printed(
        "#[cached(ttl = 1, key = \"u:<b.id>:<a>\")] pub(crate) async fn f(a: u8, b: &B, c: u8) -> u8 { 0 }",
    );
    in_order(
        &code,
        &[
            "pub(crate)enumf{}",
            "pub(crate)fnkey(a:u8,b:&B)",
            "pub(crate)asyncfnpeek(a:u8,b:&B)",
            "pub(crate)asyncfnset(a:u8,b:&B,value:",
            "pub(crate)asyncfninvalidate(a:u8,b:&B)",
            "pub(crate)asyncfnrefresh(a:u8,b:&B,c:u8)->u8",
            "f(a,b,c)",
            "PLACEHOLDERS:&'static[&'staticstr]=&[\"b.id\",\"a\"]",
            "impl<__V:::macadamia::__private::KeyPart+?::core::marker::Sized>::macadamia::__private::Placeholder<0usize,__V>forf",
            "impl<__V:::macadamia::__private::Fits<u8>+?::core::marker::Sized>::macadamia::__private::Placeholder<1usize,__V>forf",
        ],
    );
}

#[test]
fn a_handle_knows_the_value_behind_the_return_type() {
    let value = |output: &str| {
        let code = printed(&format!("#[cached(ttl = 1, key = \"k\")] async fn f() -> {output} {{ 0 }}"));
        let at = code.find("asyncfnpeek").unwrap();
        let (_, rest) = code[at..].split_once("Option<").unwrap();
        rest.split_once(">>{").unwrap().0.replace("::macadamia::__private::", "")
    };
    assert_eq!(value("u8"), "u8");
    assert_eq!(value("Option<u8>"), "<Option<u8>asOptional>::Value");
    assert_eq!(value("io::Result<u8>"), "<io::Result<u8>asFallible>::Value");
    assert_eq!(value("Result<Option<u8>, E>"), "<<Result<Option<u8>,E>asFallible>::ValueasOptional>::Value");
    // What a name only hints at is taken as a whole.
    assert_eq!(value("AppResult<u8>"), "AppResult<u8>");
    assert_eq!(value("SearchResult"), "SearchResult");
}

#[test]
fn a_cache_among_the_arguments_is_one_of_the_handle_too() {
    let code = printed(
        "#[cached(ttl = 1, key = \"k:<id>\", cache = self_.cache)] async fn f(self_: &S, id: u8) -> u8 { 0 }",
    );
    in_order(&code, &["asyncfnpeek(cache:&::macadamia::__private::Cache,id:u8)", "cache_of(cache)"]);
    assert!(code.contains("typeCache=::macadamia::__private::method::Lent;"), "{code}");
    assert!(
        printed("#[cached(ttl = 1, key = \"k\", cache = OTHER)] async fn f() -> u8 { 0 }")
            .contains("typeCache=::macadamia::__private::method::Known;")
    );
}

#[test]
fn the_generics_go_where_they_are_named() {
    let code = printed(
        "#[cached(ttl = 1, key = \"k:<id>\")] async fn f<T: A>(id: u8, x: &[T]) -> Vec<T> where T: B { \
            vec![] }",
    );
    in_order(
        &code,
        &[
            "fnkey(id:u8)",
            "asyncfnpeek<T:A>(id:u8)",
            "whereT:B",
            "asyncfninvalidate(id:u8)",
            "asyncfnrefresh<T:A>",
            "f::<T>(id,x)",
        ],
    );
    let code = printed("#[cached(ttl = 1)] async fn f<T: A>(id: u8) -> u8 { 0 }");
    in_order(&code, &["fnkey<T:A>(id:u8)", "literal(\"<*>:id:\")"]);
}

#[test]
fn a_placeholder_of_its_own_stands_for_each_filter() {
    let code =
        printed("#[cached(ttl = 1, key = \"<a>:<a>:<a:hash>:<@who>\")] async fn f(a: &str) -> u8 { 0 }");
    assert!(code.contains("PLACEHOLDERS:&'static[&'staticstr]=&[\"a\",\"a(filter2)\",\"@who\"]"), "{code}");
    assert_eq!(code.matches("__private::Placeholder<").count(), 1);
    assert!(code.contains("Its placeholders: a\"".replace(' ', "").as_str()), "{code}");
}

#[test]
fn the_handle_of_a_method_is_a_constant_beside_it() {
    let code = printed(
        "#[cached(ttl = 1, key = \"<id>:<self.x>:<id:hash>:<name:lower>:<at:len>\", handle)] pub async fn \
            r#get(&self, id: u8, name: &str, at: Vec<&str>) -> u8 { 0 }",
    );
    in_order(
        &code,
        &[
            "pubconst__handle_of_get:",
            "MethodHandle<(",
            "Exact<u8>,",
            "AnyPart,",
            "Closed,",
            "Exact<str>,",
            "AnyLength,",
            "Known>=",
            "&[\"id\",\"self.x\",\"id(filter2)\",\"name\",\"at\"]",
        ],
    );
    assert!(!code.contains("enum"), "{code}");
    let code =
        printed("#[cached(ttl = 1, handle, cache = self.c, skip(self))] async fn f(&self) -> u8 { 0 }");
    in_order(&code, &["head_of_val(", "const__handle_of_f:", "Lent>=", "head_of_method(", "\"f\")"]);
    let code = printed("#[invalidate(a::Repo::<u8>::get(id = x), m::get(id = x))] async fn f(x: u8) {}");
    in_order(&code, &["a::Repo::<u8>::__handle_of_get.index(\"id\")", "type__MacadamiaTarget=m::get;"]);
}

#[test]
fn targets_are_checked_by_name_and_type() {
    let code = printed(
        "#[invalidate(items(page.0 = x + 1, lang = _), \"u:<x>:*\", on = \"before\", when = x > 1)] async \
            fn f(x: u8) {}",
    );
    in_order(
        &code,
        &[
            "__when:bool=x>1",
            "if__when{",
            "__MACADAMIA_HOLE0:usize=::macadamia::__private::placeholder(<__MacadamiaTargetas::macadamia::__private::Handle>::PLACEHOLDERS,\"page.0\"",
            "__MACADAMIA_HOLE1:usize",
            "\"lang\"",
            "=&(x+1)",
            "<__MacadamiaTargetas::macadamia::__private::Handle>::pattern(",
            "Placeholder<__MACADAMIA_HOLE0,_>>::write(",
            "literal(\"u:\")",
            "__pattern.buf(),x)",
            "literal(\":*\")",
            "On::Before",
        ],
    );
    assert!(!code.contains("enumf"), "{code}");
}

#[test]
fn the_path_of_the_runtime_can_be_another() {
    let code = printed("#[cached(ttl = 1, crate = crate::cache)] async fn f(a: u8) -> u8 { 0 }");
    assert!(
        code.contains("crate::cache::__private::cached::enter") && !code.contains("macadamia::"),
        "{code}"
    );
}

#[test]
fn a_handle_is_behind_the_same_cfg() {
    let code = printed("#[cached(ttl = 1)] #[cfg(unix)] async fn f() -> u8 { 0 }");
    assert_eq!(code.matches("#[cfg(unix)]").count(), 4);
}

#[test]
fn a_handle_can_have_another_name() {
    let code = printed("#[cached(ttl = 1, handle = Profiles)] async fn f() -> u8 { 0 }");
    in_order(&code, &["head_of::<Profiles>", "enumProfiles{}"]);
    assert!(!code.contains("enumf"), "{code}");
}
