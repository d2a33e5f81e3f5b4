use macadamia::soft;

#[derive(Debug, Clone)]
enum AppError {
    Timeout,
}

#[soft(ttl = "1h", errors = AppError::Timeout)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
