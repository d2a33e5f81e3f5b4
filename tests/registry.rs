//! The list of annotated functions, and what a program's own tests ask of it.

use macadamia::{Function, cached, invalidate, registry};

mod shop {
    use super::{cached, invalidate};

    #[cached(ttl = "3h", key = "item:<id>|<lang:lower>")]
    pub(super) async fn item(id: u64, lang: &str) -> String {
        format!("{id}{lang}")
    }

    #[cached(ttl = std::time::Duration::from_secs(1))]
    pub(super) async fn basket(id: u64) -> u64 {
        id
    }

    #[cached(ttl = 90, key = "stock:<id>", handle = false)]
    #[invalidate(item(id = id))]
    pub(super) async fn stock(id: u64) -> u64 {
        id
    }
}

mod clashing {
    use super::cached;

    #[cached(ttl = "1h", key = "user:<id>:<lang>")]
    pub(super) async fn user(id: u64, lang: &str) -> String {
        format!("{id}{lang}")
    }

    #[cached(ttl = "1h", key = "user:{number}:{tongue:lower}")]
    pub(super) async fn account(number: u64, tongue: &str) -> String {
        format!("{number}{tongue}")
    }
}

mod shared {
    pub(super) mod memory {
        #[macadamia::cached(ttl = "1h", key = "shared:<id>")]
        pub(crate) async fn load(id: u64) -> u64 {
            id
        }
    }
    pub(super) mod disk {
        #[macadamia::cached(ttl = "1h", key = "shared:<id>")]
        pub(crate) async fn load(id: u64) -> u64 {
            id
        }
    }
}

mod twins {
    use super::cached;

    #[cached(ttl = "1h", key = "twin:<id>")]
    pub(super) async fn first(id: u64) -> u64 {
        id
    }

    #[cached(ttl = "1h", key = "twin:<id>")]
    pub(super) async fn second(id: u64) -> u64 {
        id
    }
}

/// Functions that nobody calls are listed too; calling them keeps the compiler from calling them unused.
#[tokio::test]
async fn calls_are_what_they_were() {
    assert_eq!(shop::item(1, "en").await, "1en");
    assert_eq!((shop::basket(1).await, shop::stock(2).await), (1, 2));
    assert_eq!(clashing::user(1, "en").await, clashing::account(1, "en").await);
    assert_eq!(shared::memory::load(1).await, shared::disk::load(1).await);
    assert_eq!((twins::first(1).await, twins::second(2).await), (1, 2));
}

fn of(module: &'static str) -> impl Fn(&Function) -> bool {
    move |function| function.module.ends_with(module)
}

#[test]
fn every_annotated_function_is_listed_with_what_its_attributes_say() {
    let all = registry();
    assert_eq!(all.iter().count(), 9);
    let names: Vec<_> = registry().only(of("shop")).iter().map(|function| function.name).collect();
    assert_eq!(names, ["basket", "item", "stock"]);

    let stock = registry().find(|function| function.name == "stock").unwrap();
    assert_eq!(stock.path(), "registry::shop::stock");
    assert_eq!((stock.template, stock.ttl), (Some("stock:<id>"), Some("90")));
    assert_eq!(stock.strategies, ["cached", "invalidate"]);
    assert!(stock.file.ends_with("registry.rs") && stock.line > 0);

    let mut seen = 0;
    for function in &all {
        assert!(function.strategies.contains(&"cached"));
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn templates_that_differ_in_names_alone_collide() {
    let groups = registry().collisions();
    let names: Vec<Vec<_>> =
        groups.iter().map(|group| group.iter().map(|function| function.name).collect()).collect();
    assert_eq!(names, [["first", "second"], ["account", "user"]]);
}

#[test]
fn one_name_with_one_template_is_one_function_in_two_places() {
    registry().only(|function| function.module.contains("shared")).assert_no_collisions();
    registry().only(of("shop")).assert_no_collisions();
}

#[test]
fn a_collision_is_told_with_both_places() {
    let panic =
        std::panic::catch_unwind(|| registry().only(of("clashing")).assert_no_collisions()).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    let lines: Vec<_> = message.lines().collect();
    assert_eq!(lines.len(), 5, "{message}");
    assert_eq!(lines[0], "different functions store under the same keys:");
    assert_eq!(lines[1], "  user:<>:<>");
    assert!(
        lines[2].starts_with("    registry::clashing::account, key = \"user:{number}:{tongue:lower}\", ")
    );
    assert!(lines[3].starts_with("    registry::clashing::user, key = \"user:<id>:<lang>\", "));
    assert!(lines[3].contains("registry.rs:"), "{message}");
}

#[test]
fn parameters_outside_of_the_key_are_listed() {
    static LENDING: Function =
        Function::new("m", "lending", None, &["cached"], None, "m.rs", 1).with_unkeyed(&["db", "trace"]);
    static WHOLE: Function = Function::new("m", "whole", None, &["cached"], None, "m.rs", 9);
    let mut all = registry().only(|_| false);
    assert_eq!(all.unkeyed().count(), 0);
    all.extend([&WHOLE, &LENDING]);
    let found: Vec<_> = all.unkeyed().map(|function| (function.name, function.unkeyed)).collect();
    assert_eq!(found, [("lending", ["db", "trace"].as_slice())]);
}

#[test]
fn the_table_is_markdown() {
    let table = registry().only(of("shop")).to_markdown();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert_eq!(lines[0], "| function | key | attributes | ttl | where |");
    assert!(lines[2].starts_with("| `registry::shop::basket` | – | `cached` | – | "), "{table}");
    assert!(lines[3].starts_with("| `registry::shop::item` | `item:<id>\\|<lang:lower>` | `cached` | 3h | "));
    assert!(
        lines[4].starts_with("| `registry::shop::stock` | `stock:<id>` | `cached`, `invalidate` | 90 | ")
    );
    assert!(lines.iter().all(|line| line.replace("\\|", "").matches('|').count() == 6), "{table}");
}
