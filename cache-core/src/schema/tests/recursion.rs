//! Types within themselves, and types without end.
#![expect(dead_code, reason = "no value is made")]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[test]
fn a_type_within_itself_is_told_once() {
    #[derive(Deserialize)]
    struct Tree {
        value: u8,
        kids: Vec<Tree>,
    }
    #[derive(Deserialize)]
    struct List(u8, Option<Box<List>>);
    #[derive(Deserialize)]
    struct Nested(Vec<Nested>);
    #[derive(Deserialize)]
    enum Expression {
        Add(Box<Expression>, Box<Expression>),
        Not { inner: Box<Expression> },
        Number(u8),
    }
    for (schema, text) in [
        (Schema::of::<Tree>(), "Tree{value:u8,kids:[rec Tree]}"),
        (Schema::of::<List>(), "List(u8,?rec List)"),
        (Schema::of::<Nested>(), "Nested([rec Nested])"),
        (
            Schema::of::<Expression>(),
            "enum Expression{Add(rec Expression*2),Not{inner:rec Expression},Number(u8)}",
        ),
        (Schema::of::<BTreeMap<u8, Tree>>(), "{u8:Tree{value:u8,kids:[rec Tree]}}"),
    ] {
        assert_eq!(schema.text(), text);
        assert!(schema.is_recursive());
        assert!(!schema.is_opaque(), "{schema}");
        assert_eq!(schema.needs_names(), None);
    }
}

#[test]
fn types_within_each_other_are_told_once() {
    #[derive(Deserialize)]
    struct File {
        name: String,
        folder: Option<Box<Folder>>,
    }
    #[derive(Deserialize)]
    struct Folder {
        files: Vec<File>,
        links: Vec<Link>,
    }
    #[derive(Deserialize)]
    struct Link {
        to: Box<Folder>,
    }
    let schema = Schema::of::<File>();
    assert_eq!(schema.text(), "File{name:str,folder:?Folder{files:[rec File],links:[Link{to:rec Folder}]}}",);
    assert!(schema.is_recursive());
}

#[test]
fn what_is_within_itself_with_other_arguments_is_told_again() {
    #[derive(Deserialize)]
    struct Tree<T> {
        value: T,
        kids: Vec<Tree<T>>,
    }
    let schema = Schema::of::<Tree<Tree<u16>>>();
    assert_eq!(schema.text(), "Tree{value:Tree{value:u16,kids:[rec Tree]},kids:[rec Tree]}");
    assert!(schema.is_recursive());
}

#[test]
fn eight_of_a_name_are_seen_and_nine_are_taken_for_recursion() {
    #[derive(Deserialize)]
    struct Page<T> {
        items: Vec<T>,
    }
    type Four<T> = Page<Page<Page<Page<T>>>>;
    let schema = Schema::of::<Four<Four<u8>>>();
    assert!(schema.text().contains("[u8]") && !schema.is_recursive(), "{schema}");
    assert_ne!(schema.fingerprint(), Schema::of::<Four<Four<i8>>>().fingerprint());
    let schema = Schema::of::<Page<Four<Four<u8>>>>();
    assert_eq!(schema.text(), "Page{items:[rec Page]}");
    assert!(schema.is_recursive());
}

#[test]
fn a_type_without_a_name_within_itself_ends_somewhere() {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Nested(Vec<Nested>);
    let schema = Schema::of::<Nested>();
    assert_eq!(schema.text(), format!("{}deep{}", "[".repeat(64), "]".repeat(64)));
    assert!(schema.is_recursive() && schema.is_opaque());
}

/// Each of many variants holds the whole twice: seen whole once, and not as often as it is within itself.
#[test]
fn a_wide_recursive_type_is_seen_whole() {
    macro_rules! wide {
        ($last:ident) => {{
            #[derive(Deserialize)]
            enum Wide {
                A(Box<Wide>, Box<Wide>),
                B(Box<Wide>, Box<Wide>),
                C(Box<Wide>, Box<Wide>),
                D(Box<Wide>, Box<Wide>),
                E(Box<Wide>, Box<Wide>),
                F(Box<Wide>, Box<Wide>),
                G(Box<Wide>, Box<Wide>),
                H(Box<Wide>, Box<Wide>),
                I(Box<Wide>, Box<Wide>),
                J(Box<Wide>, Box<Wide>),
                K(Box<Wide>, Box<Wide>),
                L(Box<Wide>, Box<Wide>),
                M(Box<Wide>, Box<Wide>),
                N(Box<Wide>, Box<Wide>),
                O(Box<Wide>, Box<Wide>),
                Last($last),
            }
            Schema::of::<Wide>()
        }};
    }
    let (one, two) = (wide!(u8), wide!(u16));
    assert!(one.text().ends_with("O(rec Wide*2),Last(u8)}"), "{one}");
    assert!(one.is_recursive() && !one.is_opaque());
    assert_ne!(one, two);
}

#[test]
fn a_type_of_too_many_places_is_opaque_and_soon_told() {
    macro_rules! doubled {
        ($($name:ident of $inner:ty;)*) => {
            $(#[derive(Deserialize)]
            struct $name {
                a: $inner,
                b: $inner,
            })*
        };
    }
    doubled! {
        A of u8; B of A; C of B; D of C; E of D; F of E; G of F; H of G; I of H; J of I; K of J; L of K; M of L;
    }
    assert!(!Schema::of::<H>().is_opaque());
    let schema = Schema::of::<M>();
    assert!(schema.is_opaque());
    assert!(schema.text().ends_with(",b:opaque}"), "the rest is left out");
}
