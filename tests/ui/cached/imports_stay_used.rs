#![deny(warnings)]

use macadamia::{cached, invalidate};

#[cached(ttl = "3 hours")]
#[invalidate("users")]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
