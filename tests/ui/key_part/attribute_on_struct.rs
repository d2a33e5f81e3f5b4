use macadamia::KeyPart;

#[derive(KeyPart)]
#[key_part]
struct Tenant {
    id: u64,
}

fn main() {}
