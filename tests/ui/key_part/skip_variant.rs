use macadamia::KeyPart;

#[derive(KeyPart)]
enum Order {
    Newest,
    #[key_part(skip)]
    Oldest,
}

fn main() {}
