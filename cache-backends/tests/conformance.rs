//! Every backend passes the suite; one that keeps nothing answers as it says.
#![allow(missing_docs, reason = "tests")]

#[cfg(feature = "memory")]
mod memory {
    use cache_backends::Memory;
    use cache_core::testing::Faults;

    cache_core::testing::conformance! {
        unbounded,
        || async { Memory::builder().max_entries(1_000_000) },
    }

    cache_core::testing::conformance! {
        by_default,
        || async { Memory::default() },
    }

    // Bounded by bytes it weighs what it keeps.
    cache_core::testing::conformance! {
        by_bytes,
        || async { Memory::builder().max_bytes(16 << 20) },
    }

    // By the clock on the wall, as if it were a server's.
    cache_core::testing::conformance! {
        in_real_time,
        || async { Memory::default() },
        real_time,
    }

    // Under a wrapper that gives way before and after each command.
    cache_core::testing::conformance! {
        giving_way,
        || async {
            let faults = Faults::new();
            faults.yields(2);
            faults.wrap(Memory::default())
        },
    }
}

#[cfg(feature = "disk")]
mod disk {
    use cache_backends::{Disk, DiskBuilder};
    use tempfile::TempDir;

    thread_local! {
        // Of the test that runs on this thread, and gone with it.
        static HOME: TempDir = TempDir::new().expect("a temporary directory");
    }

    fn disk() -> DiskBuilder {
        Disk::builder().directory(HOME.with(|home| home.path().to_owned()))
    }

    cache_core::testing::conformance! {
        one_file,
        || async { disk() },
    }

    cache_core::testing::conformance! {
        four_files,
        || async { disk().shards(4) },
    }

    // By the clock on the wall.
    cache_core::testing::conformance! {
        in_real_time,
        || async { disk() },
        real_time,
    }
}

#[cfg(feature = "redis")]
mod redis {
    use std::cell::OnceCell;

    use cache_backends::{Redis, RedisBuilder};
    use cache_core::Backend;
    use macadamia_test_servers::Redis as Server;

    thread_local! {
        // Of a test that empties all databases.
        static OWN: OnceCell<Server> = const { OnceCell::new() };
    }

    /// A database that nobody has used, already connected: what is sealed before the server has told its time is sealed
    /// in that of the wall, and a clock in the hand of a test has no wall that a server knows.
    async fn redis() -> Redis {
        connected(Redis::builder()).await
    }

    async fn connected(builder: RedisBuilder) -> Redis {
        // So does what asks each way to write whether what is near ends.
        let empties_all = |name: &str| name.contains("flush") || name.contains("::near::");
        let empties_all = std::thread::current().name().is_some_and(empties_all);
        let (port, db) = if empties_all {
            (OWN.with(|own| own.get_or_init(Server::start).port()), 0)
        } else {
            (Server::shared().port(), Server::shared().fresh_database())
        };
        let redis = builder.server("127.0.0.1", port).db(db).build();
        redis.ping("").await.expect("a server that answers");
        redis
    }

    cache_core::testing::conformance! {
        a_server,
        || async { redis().await },
    }

    cache_core::testing::conformance! {
        with_entries_near,
        || async { connected(Redis::builder().client_side(true)).await },
    }

    // By the clock on the wall.
    cache_core::testing::conformance! {
        in_real_time,
        || async { redis().await },
        real_time,
    }
}

#[cfg(feature = "null")]
mod null {
    use cache_backends::Null;
    use cache_core::testing::conformance::Suite;

    /// What holds of a place that keeps nothing.
    #[test]
    fn it_passes_what_is_not_about_keeping() {
        let suite = Suite::new(|| async { Null::new() });
        for check in [
            "values::a_miss_is_none",
            "removal::after_a_clear_nothing_is_left",
            "removal::a_store_that_was_dropped_does_not_come_after_a_deletion",
            "service::a_ping_comes_back",
            "service::a_backend_has_a_name",
        ] {
            suite.run(check);
        }
    }

    #[test]
    #[should_panic(expected = "Some(\"one\")")]
    fn it_is_no_store() {
        Suite::new(|| async { Null::new() }).run("values::what_was_set_is_what_is_read");
    }
}
