use macadamia::KeyPart;

#[derive(KeyPart)]
struct Page<T>(T);

fn part(_: impl KeyPart) {}

fn main() {
    part(Page(0.5));
}
