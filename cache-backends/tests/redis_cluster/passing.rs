//! Commands that are passed on as they are.

use cache_core::{Backend, Reply};
use macadamia_test_servers::slot_of;

use super::{CLUSTER, SHARED, empty, through, to};

#[tokio::test]
async fn a_command_goes_to_the_server_of_its_first_key() {
    let (cache, prefix) = through(to(&SHARED)).await;
    for n in 0..20 {
        let key = format!("{prefix}{n}");
        assert_eq!(cache.raw("SET", &[key.as_str(), "v"]).await.unwrap(), Reply::Status("OK".into()));
        assert_eq!(cache.raw("STRLEN", &[&key]).await.unwrap(), Reply::Int(1));
        // The key is not the first word in these.
        let script = ["return redis.call('GET', KEYS[1])", "1", &key];
        assert_eq!(cache.raw("EVAL", &script).await.unwrap().as_str(), Some("v"));
        assert_eq!(cache.raw("OBJECT", &["ENCODING", &key]).await.unwrap().as_str(), Some("embstr"));
    }
}

#[tokio::test]
async fn what_names_no_key_goes_to_one_of_them() {
    let redis = to(&SHARED);
    assert_eq!(redis.raw("ECHO", &[b"hello"]).await.unwrap().as_str(), Some("hello"));
    assert!(matches!(redis.raw("TIME", &[]).await.unwrap(), Reply::List(_)));
    assert_eq!(redis.raw("EVAL", &[b"return 7", b"0"]).await.unwrap(), Reply::Int(7));
}

#[tokio::test]
async fn what_is_about_all_keys_is_asked_of_all() {
    let redis = empty().await;
    let mut keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    for key in &keys {
        CLUSTER.command(key, &["SET", key, "v"]);
    }
    assert_eq!(redis.raw("DBSIZE", &[]).await.unwrap(), Reply::Int(40));
    let Reply::List(names) = redis.raw("keys", &[b"k*"]).await.unwrap() else { panic!("no list") };
    let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    keys.sort();
    assert_eq!(names, keys);
}

#[tokio::test]
async fn what_the_servers_refuse_is_told_in_their_words() {
    let redis = to(&SHARED);
    for (command, args, said) in [
        ("MGET", vec![&b"a"[..], b"b"], "CROSSSLOT"),
        ("NOSUCHCOMMAND", vec![b"a"], "unknown command"),
        ("GET", vec![], "wrong number"),
    ] {
        let error = redis.raw(command, &args).await.unwrap_err();
        assert!(error.to_string().contains(said) && !error.is_unavailable(), "{command}: {error}");
    }
    assert_ne!(slot_of("a"), slot_of("b"));
}
