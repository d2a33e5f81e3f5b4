use macadamia::invalidate;

#[invalidate("user:<id>")]
fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
