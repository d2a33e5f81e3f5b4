use macadamia::KeyPart;

struct Name(String);

#[derive(KeyPart)]
enum Who {
    Nobody,
    Somebody(Name),
}

fn main() {}
