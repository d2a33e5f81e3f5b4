use macadamia::KeyPart;

#[derive(KeyPart)]
struct User {
    id: u64,
    #[key_part(skip = true)]
    name: String,
}

fn main() {}
