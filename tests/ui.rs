//! What is refused, and in which words: every rule has a file in `ui/` that breaks it, and beside it what the
//! compiler then says. `ui/pass/` holds what must compile.
//!
//! After a change of words: `TRYBUILD=overwrite cargo test --test ui`, and read the difference.
#![allow(clippy::unwrap_used, reason = "a folder that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "ui/pass/lints.rs"]
mod lints;
#[path = "ui/pass/names.rs"]
mod names;
#[path = "ui/pass/nothing_imported.rs"]
mod nothing_imported;
#[path = "ui/pass/renamed_crate.rs"]
mod renamed_crate;
#[path = "ui/pass/values.rs"]
mod values;

/// Rules whose messages are ours alone: the same on every toolchain.
const OURS: &[(&str, &str)] = &[
    ("cached/all_at_once", "all mistakes at once, each at its place"),
    ("cached/argument_as_value", "a value where a list belongs"),
    ("cached/argument_not_yet", "an argument that is to come"),
    ("cached/argument_of_another", "an argument that is near to none: all names"),
    ("cached/argument_twice", "an argument given twice"),
    ("cached/argument_unknown", "an unknown argument: the nearest name and all names"),
    ("cached/argument_unnamed", "a value without its name"),
    ("cached/attribute_as_value", "an attribute as `name = value`"),
    ("cached/cache_closure", "`cache` is evaluated before the call"),
    ("cached/comma_missing", "no comma between arguments"),
    ("cached/crate_text", "`crate` is a path"),
    ("cached/err_ttl_bare_alternative", "a bare name among alternatives"),
    ("cached/err_ttl_bare_name", "a bare name would match every error"),
    ("cached/err_ttl_closure", "`err_ttl` has no value to look at"),
    ("cached/err_ttl_empty", "`err_ttl()` without a pattern"),
    ("cached/err_ttl_flag", "`err_ttl` alone"),
    ("cached/err_ttl_without_duration", "a pattern without its duration"),
    ("cached/err_ttl_zero", "an `err_ttl` of zero"),
    ("cached/handle_list", "`handle` is no list"),
    ("cached/handle_text", "`handle` is `false` or a name"),
    ("cached/jitter_too_much", "`jitter` of more than all"),
    ("cached/jitter_whole", "`jitter` is a share"),
    ("cached/key_closure_async", "the closure of `key` cannot wait"),
    ("cached/key_closure_pattern", "the closure of `key` takes names only"),
    ("cached/key_closure_unknown", "the closure of `key` names parameters"),
    ("cached/key_expression", "`key` is a template or a closure"),
    ("cached/key_reserved", "a key under a reserved prefix"),
    ("cached/no_body", "a function without a body"),
    ("cached/no_function", "the attribute goes on functions"),
    ("cached/no_function_impl", "the attribute does not go on an `impl`"),
    ("cached/none_ttl_closure", "`none_ttl` has no value to look at"),
    ("cached/not_async", "the function must be async"),
    ("cached/prefix_empty", "an empty `prefix`"),
    ("cached/prefix_name", "`prefix` is text"),
    ("cached/prefix_reserved", "a reserved `prefix`"),
    ("cached/prefix_template", "`prefix` is plain text"),
    ("cached/receiver_unkeyed", "a default key does not contain `self`"),
    ("cached/renamed", "attributes under other names do not see each other"),
    ("cached/returns_borrowed", "a borrowed value is returned"),
    ("cached/returns_borrowed_inside", "a borrowed value inside of what is returned"),
    ("cached/returns_generic", "a type parameter is returned, which may be a `Result`"),
    ("cached/returns_impl", "`impl Trait` is returned"),
    ("cached/single_flight", "`single_flight` is a switch"),
    ("cached/skip_beside_key", "`skip` beside `key`"),
    ("cached/skip_self", "`skip(self)` needs a `self`"),
    ("cached/skip_unknown", "`skip` names parameters"),
    ("cached/skip_value", "`skip` takes names only"),
    ("cached/time_condition_zero", "a `time_condition` of zero"),
    ("cached/ttl_closure", "a ttl closure takes one value"),
    ("cached/ttl_empty", "an empty ttl"),
    ("cached/ttl_fraction", "a ttl that is neither text nor a whole number"),
    ("cached/ttl_negative", "a negative ttl"),
    ("cached/ttl_too_long", "a ttl longer than can be counted"),
    ("cached/ttl_unit_missing", "a number without its unit"),
    ("cached/ttl_unit_order", "units out of order"),
    ("cached/ttl_unit_unknown", "an unknown unit"),
    ("cached/ttl_words", "words for units"),
    ("cached/ttl_zero", "a ttl of zero"),
    ("cached/ttl_zero_text", "a ttl of zero, as text"),
    ("cached/two_strategies", "two strategies under one key"),
    ("cached/unsafe_function", "an `unsafe fn` is refused"),
    ("cached/version", "`version` is a whole number"),
    ("cached/when_closure", "`when` is evaluated before the call"),
    ("duration/forever", "`forever` is no duration"),
    ("duration/name", "what is no literal"),
    ("duration/two", "more than one duration"),
    ("duration/unit", "an unknown unit"),
    ("duration/zero", "a duration of zero"),
    ("duration/zero_seconds", "zero seconds"),
    ("invalidate/argument_not_yet", "an argument that is to come"),
    ("invalidate/argument_unknown", "an unknown argument"),
    ("invalidate/not_async", "the function must be async"),
    ("invalidate/on_name", "a moment that is no text"),
    ("invalidate/on_twice", "a moment given twice"),
    ("invalidate/on_unknown", "an unknown moment, with the nearest word"),
    ("invalidate/pattern_empty", "an empty pattern"),
    ("invalidate/pattern_glued", "a pattern with nothing between placeholders"),
    ("invalidate/pattern_parameter", "a pattern with an unknown parameter"),
    ("invalidate/pattern_white_space", "white space in a pattern"),
    ("invalidate/placeholder_arguments", "a placeholder method with arguments"),
    ("invalidate/placeholder_comma", "no comma between placeholders"),
    ("invalidate/placeholder_literal", "a literal without its placeholder"),
    ("invalidate/placeholder_twice", "a placeholder given twice"),
    ("invalidate/placeholder_unnamed", "a value without its placeholder"),
    ("invalidate/target_number", "what is no target"),
    ("invalidate/when_closure", "`when` is evaluated before the call"),
    ("key/argument_unknown", "an unknown argument"),
    ("key/number", "what is neither template nor function"),
    ("key/placeholder_unnamed", "a value without its placeholder"),
    ("key/reserved", "a reserved prefix"),
    ("key/two", "two templates"),
    ("key/white_space", "white space"),
    ("key/wildcard", "a wildcard"),
    ("key_part/argument_unknown", "an unknown argument of a field"),
    ("key_part/attribute_alone", "the attribute without brackets"),
    ("key_part/attribute_as_value", "the attribute as `name = value`"),
    ("key_part/crate_text", "`crate` is a path"),
    ("key_part/skip_struct", "a struct cannot be skipped"),
    ("key_part/skip_value", "`skip` is a flag"),
    ("key_part/skip_variant", "a variant cannot be skipped"),
    ("key_part/union", "a union"),
    ("purge/argument_unknown", "an unknown argument"),
    ("purge/cache_closure", "`cache` is evaluated before the call"),
    ("purge/number", "what is no target"),
    ("purge/placeholder_unnamed", "a value without its placeholder"),
    ("template/context_filter", "a filter behind the key context"),
    ("template/context_name", "a name that the key context cannot have"),
    ("template/empty", "an empty template"),
    ("template/filter_argument", "a filter that takes no argument"),
    ("template/filter_hash_unknown", "an unknown hash"),
    ("template/filter_jwt_claim", "`jwt` without its claim"),
    ("template/filter_path", "a filter that is no path"),
    ("template/filter_unclosed", "a filter without its closing bracket"),
    ("template/filter_unknown", "an unknown filter"),
    ("template/glued", "nothing between two placeholders"),
    ("template/glued_by_dash", "a separator that values may contain"),
    ("template/many", "all mistakes of one template"),
    ("template/parameter_near", "an unknown parameter with a near name"),
    ("template/parameter_none", "an unknown parameter where there is none"),
    ("template/parameter_unknown", "an unknown parameter"),
    ("template/placeholder_arguments", "a method with arguments"),
    ("template/placeholder_dot", "a path that ends in a dot"),
    ("template/placeholder_empty", "an empty placeholder"),
    ("template/placeholder_index", "an index in brackets"),
    ("template/self_missing", "`self` where there is none"),
    ("template/unclosed", "a bracket that is not closed"),
    ("template/unclosed_brace", "a brace that is not closed"),
    ("template/unopened", "a bracket that closes nothing"),
    ("template/white_space", "white space in a key"),
    ("template/wildcard", "a wildcard in a key"),
];

/// Rules that the compiler applies, through our traits: its words change from release to release, so they are
/// compared on one.
const COMPILER: &[(&str, &str)] = &[
    ("cached/argument_as_flag", "a bare name where a value belongs"),
    ("cached/argument_as_list", "a list where a value belongs"),
    ("cached/argument_with_colon", "`:` for `=`"),
    ("cached/argument_without_value", "`name =` without a value"),
    ("cached/cache_type", "what `cache` names is no cache"),
    ("cached/condition_result", "a `condition` that does not say yes or no"),
    ("cached/condition_type", "a `condition` that is no closure"),
    ("cached/handle_clash", "a handle with the name of another type"),
    ("cached/time_condition_type", "a `time_condition` of another type"),
    ("cached/ttl_missing", "`ttl` is required"),
    ("cached/ttl_type", "a ttl of another type"),
    ("cached/ttl_without_arguments", "`ttl` is required: the attribute without brackets"),
    ("cached/value_not_clone", "a value that cannot be cloned"),
    ("cached/value_not_clone_in_result", "a value that cannot be cloned, in a `Result`"),
    ("cached/value_not_send", "a value that stays in its thread"),
    ("cached/when_type", "`when` is a `bool`"),
    ("duration/nothing", "no duration"),
    ("invalidate/nothing", "no target"),
    ("invalidate/only_when", "no target beside other arguments"),
    ("invalidate/placeholder_filter", "a value that the filter does not take"),
    ("invalidate/placeholder_no_part", "a value that is no part of a key"),
    ("invalidate/placeholder_type", "a value of another type for a parameter"),
    ("invalidate/placeholder_unknown", "a placeholder that the target does not have: all names"),
    ("invalidate/placeholder_unknown_any", "an unknown placeholder of any value"),
    ("invalidate/target_bare", "a function without an attribute"),
    ("invalidate/target_key_by_code", "a function whose key is made by code"),
    ("invalidate/target_lent_cache", "a function whose cache is an argument"),
    ("invalidate/target_type", "a type that is no handle"),
    ("invalidate/target_unknown", "a function that does not exist"),
    ("invalidate/target_without_handle", "a function with `handle = false`"),
    ("key/nothing", "no template"),
    ("key/placeholder_any", "`_` is no value"),
    ("key/placeholder_missing", "a placeholder left out: all names"),
    ("key/placeholder_type", "a value of another type"),
    ("key/placeholder_unknown", "an unknown placeholder: all names"),
    ("key/value_map", "a map"),
    ("key/variable_unknown", "a name that is not in scope"),
    ("key_part/field_float", "a field that is a float"),
    ("key_part/field_map", "a field that is a map"),
    ("key_part/field_without", "a field whose type is no part of a key"),
    ("key_part/parameter", "a type parameter that is no part of a key"),
    ("purge/cache_type", "what `cache` names is no cache"),
    ("purge/nothing", "no target"),
    ("purge/placeholder_type", "a value of another type"),
    ("purge/placeholder_unknown", "an unknown placeholder: all names"),
    ("purge/target_bare", "a function without an attribute"),
    ("template/default_key", "a parameter of a default key that is no part of a key"),
    ("template/field_unknown", "a field that does not exist"),
    ("template/filter_display", "`display` of what shows nothing"),
    ("template/filter_hash", "`hash` of what is no text"),
    ("template/filter_jwt", "`jwt` of what is no text"),
    ("template/filter_length", "`len` of what has no length"),
    ("template/filter_not_found", "a filter of the user that does not exist"),
    ("template/filter_of_another_type", "a filter of the user that takes another type"),
    ("template/filter_text", "a filter for text on a number"),
    ("template/index_unknown", "a tuple index that does not exist"),
    ("template/key_closure_result", "a key by closure that shows nothing"),
    ("template/method_unknown", "a method that does not exist"),
    ("template/value_float", "a float"),
    ("template/value_float_borrowed", "a borrowed float"),
    ("template/value_map", "a map"),
    ("template/value_option", "an `Option` of what is no part of a key"),
    ("template/value_without_text", "a value that has neither `KeyPart` nor `Display`"),
];

/// The release whose words the files of `COMPILER` quote.
const QUOTED: &str = "1.95";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

fn rules() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    OURS.iter().chain(COMPILER)
}

fn message(rule: &str) -> String {
    let path = root().join(format!("{rule}.stderr"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `cached/ttl_zero.rs`, …: every file in the folders of the attributes.
fn files() -> BTreeSet<String> {
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries(&root()).filter(|path| path.is_dir() && !path.ends_with("pass"));
    let files = folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    files.map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")).collect()
}

#[test]
fn every_rule_has_a_file_and_every_file_a_rule() {
    let named: Vec<_> =
        rules().flat_map(|(rule, _)| [format!("{rule}.rs"), format!("{rule}.stderr")]).collect();
    let files = files();
    let missing: Vec<_> = named.iter().filter(|name| !files.contains(*name)).collect();
    let unnamed: Vec<_> = files.iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty() && unnamed.is_empty(), "missing: {missing:?}\nwithout a rule: {unnamed:?}");

    let (rules, texts): (BTreeSet<_>, BTreeSet<_>) = rules().copied().unzip();
    assert_eq!(rules.len() * 2, named.len(), "a rule is listed twice");
    assert!(texts.iter().all(|text| !text.is_empty()));
}

#[tokio::test]
async fn what_must_compile_does_and_runs() {
    lints::run().await;
    names::run().await;
    nothing_imported::run().await;
    renamed_crate::run().await;
    values::run().await;
    assert_eq!(
        fs::read_dir(root().join("pass")).unwrap().count(),
        5,
        "a file in `pass` is not a module here"
    );
}

#[test]
fn the_compiler_speaks_only_where_it_is_expected_to() {
    // It numbers its errors and adds its own advice; what a macro says stands alone.
    let quotes = |text: &str| {
        ["error[", "warning", "= note:", "= help:", "\nhelp:", "\nnote:"]
            .iter()
            .any(|word| text.contains(word))
    };
    for (rule, _) in OURS {
        assert!(!quotes(&message(rule)), "{rule} quotes the compiler: move it to `COMPILER`");
    }
    for (rule, _) in COMPILER {
        assert!(quotes(&message(rule)), "{rule} does not quote the compiler: move it to `OURS`");
    }
}

#[test]
fn mistakes_are_explained() {
    let compiler =
        Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let compiler = String::from_utf8_lossy(&compiler);
    let cases = trybuild::TestCases::new();
    OURS.iter().for_each(|(rule, _)| cases.compile_fail(root().join(format!("{rule}.rs"))));
    if compiler.starts_with(&format!("rustc {QUOTED}.")) {
        COMPILER.iter().for_each(|(rule, _)| cases.compile_fail(root().join(format!("{rule}.rs"))));
    } else {
        println!(
            "{} messages quote rustc {QUOTED} and are not compared with {}",
            COMPILER.len(),
            compiler.trim()
        );
    }
}
