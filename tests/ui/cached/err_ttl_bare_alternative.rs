use macadamia::cached;

#[cached(ttl = "3h", err_ttl(AppError::Timeout | NotFound = "5s"))]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
