use macadamia::KeyPart;

#[derive(KeyPart)]
struct User {
    id: u64,
    #[key_part(skp)]
    name: String,
}

fn main() {}
