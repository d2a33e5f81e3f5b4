use macadamia::KeyPart;

#[derive(KeyPart)]
struct User {
    id: u64,
    #[key_part = "skip"]
    name: String,
}

fn main() {}
