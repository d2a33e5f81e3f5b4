use macadamia::{early, soft};

#[soft(ttl = "1h")]
#[early(ttl = "1h")]
async fn page(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
