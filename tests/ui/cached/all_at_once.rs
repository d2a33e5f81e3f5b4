use macadamia::invalidate;

#[invalidate("user:<usr>", on = 3)]
#[macadamia::cached(key = "<user><lang>", jitter = 2)]
fn profile(user: &str, lang: u32) -> &str {
    let _ = lang;
    user
}

fn main() {}
