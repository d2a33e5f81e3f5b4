use macadamia::KeyPart;

#[derive(KeyPart)]
#[key_part(skip)]
struct User {
    id: u64,
}

fn main() {}
