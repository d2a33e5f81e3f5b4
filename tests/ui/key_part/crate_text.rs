use macadamia::KeyPart;

#[derive(KeyPart)]
#[key_part(crate = "macadamia")]
struct User {
    id: u64,
}

fn main() {}
