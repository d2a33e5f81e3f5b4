use macadamia::KeyPart;

#[derive(KeyPart)]
struct Place {
    name: String,
    degrees: f64,
}

fn main() {}
