//! Keys are text of any kind, and only `*` means more than itself.

use super::bench::Bench;
use crate::key::RESERVED;
use crate::pattern::Pattern;

/// Text that servers, globs, regular expressions, protocols and file systems take for more than text.
const HOSTILE: [&str; 42] = [
    "*",
    "**",
    "?",
    "[",
    "]",
    "[a]",
    "[a-z]",
    "[!a]",
    "[^a]",
    "\\",
    "\\*",
    "\\\\",
    "a",
    "b",
    "ab",
    "abc",
    "a:b",
    "a:b:c",
    "a*c",
    "a?c",
    "a.c",
    "a.*",
    "^a",
    "a$",
    "(a|b)",
    "{a}",
    "a b",
    " ",
    "a\nb",
    "\r\n",
    "a\r\nflush_all\r\n",
    "\0",
    "a\0b",
    "\"'`",
    "%",
    "_",
    "../a",
    "日本語",
    "🥜",
    "🥜:🌰",
    "A",
    "é",
];

const PATTERNS: [&str; 28] = [
    "*", "**", "?", "[a]", "[a-z]", "[!a]*", "\\*", "\\\\*", "a", "a*", "*a", "*b*", "a*c", "a*b*c", "a?c",
    "a.c", "a.*", "^a*", "(a|b)", "{a}*", "a\n*", "*\r\n*", "a\0*", "%", "_", "🥜*", "*:*", "nothing*",
];

async fn store_all(bench: &Bench) {
    for key in HOSTILE {
        bench.set(key, key).await;
    }
}

fn matching(pattern: &str) -> Vec<&'static str> {
    let pattern = Pattern::new(pattern);
    let mut keys: Vec<_> = HOSTILE.into_iter().filter(|key| pattern.matches(key)).collect();
    keys.sort_unstable();
    keys
}

pub(super) async fn a_hostile_key_is_a_key_like_any_other(bench: Bench) {
    store_all(&bench).await;
    for key in HOSTILE {
        must_eq!(bench.get(key).await.as_deref(), Some(key), "each key has its own value");
    }
    let found = bench.get_many(&HOSTILE).await;
    assert!(found.iter().map(Option::as_deref).eq(HOSTILE.map(Some)), "`get_many` found {found:?}");
    for (at, key) in HOSTILE.iter().enumerate() {
        assert!(bench.delete(key).await, "{key:?} was stored");
        let left = bench.get_many(&HOSTILE).await;
        let gone = left.iter().filter(|value| value.is_none()).count();
        must_eq!(gone, at + 1, "deleting {key:?} must delete it and no other");
    }
}

pub(super) async fn hostile_keys_are_stored_together(bench: Bench) {
    bench.set_many(&HOSTILE.map(|key| (key, key))).await;
    for key in HOSTILE {
        must_eq!(bench.get(key).await.as_deref(), Some(key));
    }
    bench.clear().await;
    assert!(bench.get_many(&HOSTILE).await.iter().all(Option::is_none), "`clear` left some");
}

pub(super) async fn a_hostile_key_counts(bench: Bench) {
    for key in HOSTILE {
        must_eq!(bench.count(key, 2, None).await, 2, "{key:?}");
    }
    for key in HOSTILE {
        must_eq!(bench.count(key, 1, None).await, 3, "{key:?}");
    }
}

pub(super) async fn a_pattern_lists_what_it_matches(bench: Bench) {
    store_all(&bench).await;
    for pattern in PATTERNS {
        must_eq!(bench.scan(pattern).await, matching(pattern), "keys that match {pattern:?}");
    }
}

pub(super) async fn a_pattern_deletes_what_it_matches(bench: Bench) {
    for pattern in PATTERNS {
        store_all(&bench).await;
        let matching = matching(pattern);
        let deleted = bench.delete_match(pattern).await;
        for key in HOSTILE {
            let goes = matching.contains(&key);
            must_eq!(bench.get(key).await.is_none(), goes, "whether {pattern:?} deletes {key:?}");
        }
        must_eq!(deleted, matching.len() as u64, "how many {pattern:?} deleted");
        must_eq!(bench.delete_match(pattern).await, 0, "{pattern:?}, again");
    }
}

pub(super) async fn a_wide_pattern_does_not_list_what_is_reserved(bench: Bench) {
    bench.set("user:1", "v").await;
    for prefix in RESERVED {
        bench.set(&format!("{prefix}user:1"), "v").await;
    }
    for pattern in ["*", "**", "*user:1", "*:*"] {
        must_eq!(bench.scan(pattern).await, ["user:1"], "{pattern:?} names no reserved prefix");
    }
    for prefix in RESERVED {
        let key = format!("{prefix}user:1");
        must_eq!(bench.scan(&format!("{prefix}*")).await, std::slice::from_ref(&key), "{prefix:?} is named");
        must_eq!(bench.scan(&key).await, std::slice::from_ref(&key), "{key:?} is named");
    }
}

pub(super) async fn a_wide_pattern_does_not_delete_what_is_reserved(bench: Bench) {
    bench.set("user:1", "v").await;
    for prefix in RESERVED {
        bench.set(&format!("{prefix}user:1"), "v").await;
    }
    must_eq!(bench.delete_match("*").await, 1, "`*` names no reserved prefix");
    for prefix in RESERVED {
        let key = format!("{prefix}user:1");
        assert!(bench.get(&key).await.is_some(), "`*` deleted {key:?}");
        must_eq!(bench.delete_match(&format!("{prefix}*")).await, 1, "{prefix:?} is named");
        must_eq!(bench.get(&key).await, None);
    }
}

pub(super) async fn a_listing_is_whole(bench: Bench) {
    let keys: Vec<String> = (0..1_500).map(|i| format!("key:{i:04}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    bench.set_many(&entries).await;
    bench.set("other", "v").await;
    must_eq!(bench.scan("key:*").await, keys, "each of 1,500 keys once");
}

pub(super) async fn a_deletion_by_pattern_is_whole(bench: Bench) {
    let keys: Vec<String> = (0..1_500).map(|i| format!("key:{i:04}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    bench.set_many(&entries).await;
    bench.set("other", "v").await;
    must_eq!(bench.delete_match("key:*").await, 1_500);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert!(bench.get_many(&keys).await.iter().all(Option::is_none), "some of 1,500 keys are left");
    assert!(bench.get("other").await.is_some());
}
