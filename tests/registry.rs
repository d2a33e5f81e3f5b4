//! The list of annotated functions, and what a program's own tests ask of it.

use macadamia::{Cache, Function, Memory, Scope, cached, invalidate, registry};

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

mod lending {
    use super::cached;

    pub(super) struct Db;

    impl Db {
        #[cached(ttl = "1h", key = "lend:<left>")]
        pub(super) async fn by_template(&self, (left, right): (u8, u8), trace: bool) -> u8 {
            left + right + u8::from(trace)
        }

        #[cached(ttl = "1h", skip(self, trace))]
        pub(super) async fn by_default(&self, id: u8, trace: bool) -> u8 {
            id + u8::from(trace)
        }
    }

    #[cached(ttl = "1h", key = |first| format!("code:{first}"))]
    pub(super) async fn by_code(first: u8, second: u8) -> u8 {
        first + second
    }

    #[cached(ttl = "1h", key = "all-the-same")]
    pub(super) async fn untouched(id: u8) -> u8 {
        id
    }

    #[cached(ttl = "1h", key = "whole:<type>:<pair.0>")]
    pub(super) async fn whole(r#type: u8, pair: (u8, u8)) -> u8 {
        r#type + pair.0
    }
}

mod methods {
    use super::cached;

    pub(super) struct Users;
    pub(super) struct Items;

    impl Users {
        #[cached(ttl = "1h", key = "thing:<id>")]
        pub(super) async fn get(&self, id: u8) -> u8 {
            id
        }
    }

    impl Items {
        #[cached(ttl = "1h", key = "thing:<id>")]
        pub(super) async fn get(&self, id: u8) -> u8 {
            id
        }
    }
}

mod prefixed {
    use super::cached;

    #[cached(ttl = "1h", key = "same:<id>")]
    pub(super) async fn old(id: u8) -> u8 {
        id
    }

    #[cached(ttl = "1h", key = "same:<id>", prefix = "v2")]
    pub(super) async fn new(id: u8) -> u8 {
        id
    }
}

mod counting {
    use super::cached;

    #[cached(ttl = "1h", key = "counted:<id>", when = wanted)]
    pub(super) async fn counted(id: u8, wanted: bool) -> u8 {
        tokio::task::yield_now().await;
        id + u8::from(wanted)
    }

    pub(super) struct Counter;

    impl Counter {
        #[cached(ttl = "1h", key = "counting-method:<id>")]
        pub(super) async fn method(&self, id: u8) -> u8 {
            id
        }
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
    let db = lending::Db;
    assert_eq!((db.by_template((1, 2), true).await, db.by_default(1, true).await), (4, 2));
    assert_eq!((lending::by_code(1, 2).await, lending::untouched(7).await), (3, 7));
    assert_eq!(lending::whole(1, (2, 3)).await, 3);
    assert_eq!((methods::Users.get(1).await, methods::Items.get(1).await), (1, 1));
    assert_eq!((prefixed::old(1).await, prefixed::new(1).await), (1, 1));
}

fn of(module: &'static str) -> impl Fn(&Function) -> bool {
    move |function| function.module.ends_with(module)
}

#[test]
fn every_annotated_function_is_listed_with_what_its_attributes_say() {
    let all = registry();
    assert_eq!(all.iter().count(), 20);
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
    assert_eq!(seen, 20);
}

#[test]
fn templates_that_differ_in_names_alone_collide() {
    let groups = registry().collisions();
    let names: Vec<Vec<_>> =
        groups.iter().map(|group| group.iter().map(|function| function.name).collect()).collect();
    assert_eq!(names, [["get", "get"], ["first", "second"], ["account", "user"]]);
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
    assert_eq!(registry().only(of("shop")).unkeyed().count(), 0);
    let found: Vec<_> =
        registry().only(of("lending")).unkeyed().map(|function| (function.name, function.unkeyed)).collect();
    let expected: [(&str, &[&str]); 4] = [
        ("by_code", &["second"]),
        ("by_default", &["self", "trace"]),
        ("by_template", &["self", "right", "trace"]),
        ("untouched", &["id"]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn methods_of_different_types_with_one_template_collide() {
    let groups = registry().only(of("methods")).collisions();
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].iter().map(|function| function.name).collect::<Vec<_>>(), ["get", "get"]);
}

#[test]
fn a_prefix_keeps_templates_apart() {
    let prefixed = registry().only(of("prefixed"));
    assert_eq!(prefixed.find(|function| function.name == "new").unwrap().template, Some("v2:same:<id>"));
    prefixed.assert_no_collisions();
}

#[tokio::test]
async fn a_function_counts_how_its_calls_were_answered() {
    let stats = || {
        let function = registry().find(|function| function.name == "counted").unwrap();
        assert_eq!(function.stats(), counting::counted::stats());
        function.stats()
    };
    Scope::new()
        .cache(Cache::builder().route("", Memory::default()).build().await.unwrap())
        .run(async {
            for id in [1, 1, 2, 1] {
                counting::counted(id, true).await;
            }
            counting::counted(1, false).await;
            tokio::join!(counting::counted(3, true), counting::counted(3, true));
        })
        .await;
    let stats = stats();
    assert_eq!((stats.hits, stats.computed, stats.bypassed, stats.joined), (2, 3, 1, 1));
    assert_eq!((stats.calls(), stats.hit_ratio()), (7, Some(3.0 / 7.0)));
}

#[tokio::test]
async fn a_method_is_counted_in_the_registry() {
    let counter = counting::Counter;
    counter.method(1).await;
    counter.method(1).await;
    let stats = registry().find(|function| function.name == "method").unwrap().stats();
    assert_eq!((stats.hits, stats.computed), (1, 1));
}

#[test]
fn the_table_is_markdown() {
    let table = registry().only(of("shop")).to_markdown();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert_eq!(lines[0], "| function | key | not in the key | attributes | ttl | where |");
    assert!(lines[2].starts_with("| `registry::shop::basket` | – | – | `cached` | – | "), "{table}");
    assert!(
        lines[3].starts_with("| `registry::shop::item` | `item:<id>\\|<lang:lower>` | – | `cached` | 3h | ")
    );
    assert!(
        lines[4].starts_with("| `registry::shop::stock` | `stock:<id>` | – | `cached`, `invalidate` | 90 | ")
    );
    assert!(lines.iter().all(|line| line.replace("\\|", "").matches('|').count() == 7), "{table}");
}
