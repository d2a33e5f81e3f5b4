use macadamia::invalidate;

#[invalidate(tags = ["user:<uid>"])]
async fn rename(id: u64) {
    let _ = id;
}

fn main() {}
