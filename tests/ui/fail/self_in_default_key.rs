use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

struct Bank;

impl Bank {
    #[fail(ttl = "2h")]
    async fn rates(&self) -> Result<u64, AppError> {
        Err(AppError::Timeout(1))
    }
}

fn main() {}
