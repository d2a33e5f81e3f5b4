//! A type that has changed since: a miss and an event, never a wrong value.

use macadamia::testing::Wire;
use macadamia::{EventKind, Scope, Value, cached};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

use super::plain;

/// A type of the same name as it was and as it is.
macro_rules! versions {
    ($($module:ident { $($item:item)* })*) => {$(
        mod $module {
            use serde::{Deserialize, Serialize};
            $(#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)] $item)*
        }
    )*};
}

versions! {
    first { pub(super) struct User { pub(super) id: u32, pub(super) name: String } }
    added {
        pub(super) struct User { pub(super) id: u32, pub(super) name: String, #[serde(default)] pub(super) age: u8 }
    }
    removed { pub(super) struct User { pub(super) id: u32 } }
    renamed { pub(super) struct User { pub(super) id: u32, pub(super) nick: String } }
    retyped { pub(super) struct User { pub(super) id: u64, pub(super) name: String } }
    reordered { pub(super) struct User { pub(super) name: String, pub(super) id: u32 } }
    optional { pub(super) struct User { pub(super) id: u32, pub(super) name: Option<String> } }
    twins { pub(super) struct User { pub(super) name: u32, pub(super) id: String } }
    colours { pub(super) enum Colour { Red, Green } }
    more_colours { pub(super) enum Colour { Red, Amber, Green } }
    swapped_colours { pub(super) enum Colour { Green, Red } }
    team { pub(super) struct Team { pub(super) users: Vec<super::first::User> } }
    new_team { pub(super) struct Team { pub(super) users: Vec<super::renamed::User> } }
    mapped { pub(super) struct Team { pub(super) users: std::collections::BTreeMap<String, super::first::User> } }
}

/// What `before` has stored is not seen as an `After`, whichever codec wrote it, and the other way round.
async fn check<Before: Value + PartialEq + Debug, After: Value + PartialEq + Debug>(
    before: Before,
    after: After,
) {
    for codec in ["bincode", "json", "msgpack"] {
        let (cache, told) = plain(&Wire::new()).await;
        let why = "the stored entry cannot be used: its value has another shape than the type has here";
        cache.set("k", &before).codec(codec).await.unwrap();
        assert_eq!(cache.get::<After>("k").await.unwrap(), None, "{codec}");
        assert_eq!(told.of(EventKind::Unreadable), [why], "{codec}");
        assert_eq!(cache.get::<Before>("k").await.unwrap().as_ref(), Some(&before), "{codec}");
        cache.set("k", &after).codec(codec).await.unwrap();
        assert_eq!(cache.get::<Before>("k").await.unwrap(), None, "{codec}");
        assert_eq!(told.of(EventKind::Unreadable), [why], "{codec}");
    }
}

fn user() -> first::User {
    first::User { id: 1, name: "Ada".to_owned() }
}

#[tokio::test]
async fn a_field_more_or_less() {
    check(user(), added::User { id: 1, name: "Ada".to_owned(), age: 36 }).await;
    check(user(), removed::User { id: 1 }).await;
}

#[tokio::test]
async fn a_field_of_another_name_type_or_place() {
    check(user(), renamed::User { id: 1, nick: "Ada".to_owned() }).await;
    check(user(), retyped::User { id: 1, name: "Ada".to_owned() }).await;
    check(user(), reordered::User { id: 1, name: "Ada".to_owned() }).await;
    check(user(), optional::User { id: 1, name: Some("Ada".to_owned()) }).await;
    check(user(), twins::User { name: 1, id: "Ada".to_owned() }).await;
}

#[tokio::test]
async fn the_variants_of_an_enum() {
    check(colours::Colour::Green, more_colours::Colour::Amber).await;
    check(colours::Colour::Red, swapped_colours::Colour::Green).await;
}

#[tokio::test]
async fn a_type_inside_of_another() {
    let new = renamed::User { id: 1, nick: "Ada".to_owned() };
    check(team::Team { users: vec![user()] }, new_team::Team { users: vec![new] }).await;
    let users = std::collections::BTreeMap::from([("a".to_owned(), user())]);
    check(team::Team { users: vec![user()] }, mapped::Team { users }).await;
}

#[tokio::test]
async fn types_that_are_written_alike() {
    check("7".to_owned(), vec![b'7']).await;
    check((1u8, 2u8), [1u8, 2, 3]).await;
    check(Some(1.5f32), 1.5f64).await;
    check(true, 'a').await;
}

#[tokio::test]
async fn the_same_shape_is_the_same_wherever_it_is_written() {
    mod elsewhere {
        use serde::{Deserialize, Serialize};
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub(super) struct User {
            pub(super) id: u32,
            pub(super) name: String,
        }
    }
    let (cache, told) = plain(&Wire::new()).await;
    cache.set("k", &user()).await.unwrap();
    let found = cache.get::<elsewhere::User>("k").await.unwrap();
    assert_eq!(found, Some(elsewhere::User { id: 1, name: "Ada".to_owned() }));
    assert!(told.of(EventKind::Unreadable).is_empty());
}

#[tokio::test]
async fn a_function_whose_type_has_changed_runs_and_replaces_the_entry() {
    #[cached(ttl = "1h", key = "changed", handle = Before)]
    async fn before() -> first::User {
        user()
    }
    #[cached(ttl = "1h", key = "changed", handle = After)]
    async fn after() -> renamed::User {
        renamed::User { id: 2, nick: "Grace".to_owned() }
    }
    let (cache, told) = plain(&Wire::new()).await;
    Scope::new()
        .cache(&cache)
        .run(async {
            before().await;
            assert_eq!(after().await.id, 2);
            assert_eq!(told.of(EventKind::Unreadable).len(), 1);
            assert_eq!(after().await.id, 2);
            assert_eq!(told.of(EventKind::Hit).len(), 1);
        })
        .await;
}

/// What a part takes that takes anything is not seen: a change inside of it is not told apart.
#[tokio::test]
async fn inside_of_a_part_that_takes_anything_nothing_is_told_apart() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Page {
        body: serde_json::Value,
    }
    let (cache, _) = plain(&Wire::new()).await;
    for body in [serde_json::json!({ "old": 1 }), serde_json::json!(["new"])] {
        let page = Page { body };
        cache.set("k", &page).codec("json").await.unwrap();
        assert_eq!(cache.get::<Page>("k").await.unwrap(), Some(page));
    }
}
