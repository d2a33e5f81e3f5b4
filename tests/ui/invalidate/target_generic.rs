use macadamia::invalidate;

#[invalidate(items::<u8>(page = 1))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
