use macadamia::soft;

#[derive(Debug, Clone)]
enum AppError {
    Timeout,
}

#[soft(ttl = "1h", errors = AppError::TimeOut)]
async fn page(id: u64) -> Result<u64, AppError> {
    Ok(id)
}

fn main() {}
