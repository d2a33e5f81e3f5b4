//! Commands that are passed on as they are.

use cache_backends::Redis;
use cache_core::{Backend, Reply};
use macadamia_test_servers::{random_prefix, slot_of};

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

/// Those that the documentation of the builder lists.
#[tokio::test]
async fn a_user_needs_few_commands() {
    const NEEDED: &[&str] = &[
        "+del",
        "+eval",
        "+evalsha",
        "+get",
        "+getrange",
        "+incrby",
        "+memory",
        "+mget",
        "+persist",
        "+pexpire",
        "+pexpireat",
        "+ping",
        "+pttl",
        "+scan",
        "+set",
        "+strlen",
        "+time",
        "+type",
        "+unlink",
        "+asking",
        "+cluster|nodes",
        "+cluster|slots",
        "+exists",
        "+command|getkeys",
    ];
    let user = random_prefix().replace(':', "");
    for node in SHARED.nodes() {
        let said = node.command(&[&["ACL", "SETUSER", &user, "on", ">secret", "~*"], NEEDED].concat());
        assert!(!said.is_error(), "{said:?}");
    }
    let redis = Redis::builder().server("127.0.0.1", SHARED.nodes()[0].port()).cluster(true);
    let redis = redis.user(&user).password("secret").build();
    let (cache, prefix) = through(redis.clone()).await;
    let keys: Vec<String> = (0..20).map(|n| format!("{prefix}{n}")).collect();
    for key in &keys {
        cache.set(key, "v").ttl("5h").tags([&prefix]).await.unwrap();
    }
    assert!(cache.get_many::<String, _>(&keys).await.unwrap().iter().all(Option::is_some));
    assert_eq!(cache.scan(format!("{prefix}*").as_str()).await.unwrap().len(), 20);
    assert_eq!(redis.raw("STRLEN", &[b"none"]).await.unwrap(), Reply::Int(0));
    let slot = slot_of(&keys[0]);
    let from = SHARED.master_of(slot);
    let goal = SHARED.masters().into_iter().find(|node| node.port() != from.port()).unwrap();
    SHARED.begin_move(slot, goal);
    while SHARED.move_keys(slot, goal, 10) > 0 {}
    assert!(cache.get::<String>(&keys[0]).await.unwrap().is_some(), "it is on its way");
    SHARED.end_move(slot, goal);
    cache.delete_tags([&prefix]).await.unwrap();
    assert_eq!(cache.delete_match(format!("{prefix}*").as_str()).await.unwrap(), 20);
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
}
