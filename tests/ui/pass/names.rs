//! Parameters may have the names that the expansions use inside, and types the names of the standard ones.

use macadamia::{cached, invalidate};

#[cached(ttl = "3h", key = "<key>:<out>:<cache>:<value>:<buf>:<type>")]
async fn taken(key: u8, out: u8, cache: u8, value: u8, buf: u8, r#type: u8) -> u8 {
    key + out + cache + value + buf + r#type
}

#[cached(ttl = "3h", handle = Shadowed)]
async fn shadowed(shadowed: u8) -> u8 {
    shadowed
}

mod strangers {
    use macadamia::cached;

    struct Option;
    struct Some;
    struct Ok;

    #[cached(ttl = "3h", key = "strangers:<id>")]
    pub(super) async fn count(id: u8) -> u8 {
        let _ = (Option, Some, Ok);
        id
    }
}

#[invalidate(taken(r#type = key), strangers::count)]
async fn change(key: u8) -> u8 {
    key
}

pub(crate) async fn run() {
    assert_eq!(taken(1, 2, 3, 4, 5, 6).await, 21);
    assert_eq!(taken::key(1, 2, 3, 4, 5, 6), "1:2:3:4:5:6");
    assert_eq!(shadowed(3).await, 3);
    assert_eq!(strangers::count(3).await, 3);
    assert_eq!(change(1).await, 1);
}
