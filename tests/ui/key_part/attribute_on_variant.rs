use macadamia::KeyPart;

#[derive(KeyPart)]
enum Tenant {
    #[key_part]
    Known(u64),
}

fn main() {}
