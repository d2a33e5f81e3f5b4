use super::*;

mod attributes;
mod changes;
mod odd;
mod recursion;
mod types;
mod wild;
mod without_names;

fn text<T: DeserializeOwned>() -> String {
    Schema::of::<T>().text().to_owned()
}
