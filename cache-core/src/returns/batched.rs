//! What a function of many elements gives back: a map, or a `Result` of one.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};

/// Answers with a value for each element that has one.
#[diagnostic::on_unimplemented(
    message = "with `many`, a function returns a map from elements to values",
    label = "this is no map",
    note = "write `HashMap<K, V>`, `BTreeMap<K, V>` or `Vec<(K, V)>`, or a `Result` of one"
)]
pub trait Batched: Sized {
    /// What stands for an element.
    type Key;
    /// What is stored for it.
    type Value;
    /// The map.
    type Map: BatchMap<Key = Self::Key, Value = Self::Value>;
    /// What `Err` holds.
    type Error;

    /// The map, or the error.
    fn split(self) -> Result<Self::Map, Self::Error>;
    /// The answer with these values.
    fn answer(values: Vec<(Self::Key, Self::Value)>) -> Self;
    /// The answer `Err`.
    fn failed(error: Self::Error) -> Self;
}

/// A map from elements to values.
pub trait BatchMap {
    /// What stands for an element.
    type Key;
    /// What is stored for it.
    type Value;

    /// Takes the value of an element out.
    fn take(&mut self, key: &Self::Key) -> Option<Self::Value>;
    /// The map of these values.
    fn of(values: Vec<(Self::Key, Self::Value)>) -> Self;
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> BatchMap for HashMap<K, V, S> {
    type Key = K;
    type Value = V;

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn of(values: Vec<(K, V)>) -> Self {
        values.into_iter().collect()
    }
}

impl<K: Ord, V> BatchMap for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn take(&mut self, key: &K) -> Option<V> {
        self.remove(key)
    }

    fn of(values: Vec<(K, V)>) -> Self {
        values.into_iter().collect()
    }
}

impl<K: PartialEq, V> BatchMap for Vec<(K, V)> {
    type Key = K;
    type Value = V;

    fn take(&mut self, key: &K) -> Option<V> {
        let at = self.iter().position(|(known, _)| known == key)?;
        Some(self.swap_remove(at).1)
    }

    fn of(values: Vec<(K, V)>) -> Self {
        let mut each = Self::with_capacity(values.len());
        for (key, value) in values {
            if each.iter().all(|(known, _)| *known != key) {
                each.push((key, value));
            }
        }
        each
    }
}

impl<M: BatchMap, E> Batched for Result<M, E> {
    type Key = M::Key;
    type Value = M::Value;
    type Map = M;
    type Error = E;

    fn split(self) -> Self {
        self
    }

    fn answer(values: Vec<(M::Key, M::Value)>) -> Self {
        Ok(M::of(values))
    }

    fn failed(error: E) -> Self {
        Err(error)
    }
}

macro_rules! plain {
    ($([$($param:tt)*] $map:ty;)*) => {$(
        impl<$($param)*> Batched for $map {
            type Key = K;
            type Value = V;
            type Map = Self;
            type Error = Infallible;

            fn split(self) -> Result<Self, Infallible> {
                Ok(self)
            }

            fn answer(values: Vec<(K, V)>) -> Self {
                Self::of(values)
            }

            fn failed(error: Infallible) -> Self {
                match error {}
            }
        }
    )*};
}
plain! {
    [K: Eq + Hash, V, S: BuildHasher + Default] HashMap<K, V, S>;
    [K: Ord, V] BTreeMap<K, V>;
    [K: PartialEq, V] Vec<(K, V)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_once() {
        let mut pairs = vec![(1, 'a'), (2, 'b')];
        assert_eq!((pairs.take(&1), pairs.take(&1), pairs.take(&2)), (Some('a'), None, Some('b')));
        let mut map = HashMap::from([(1, 'a')]);
        assert_eq!((BatchMap::take(&mut map, &1), BatchMap::take(&mut map, &1)), (Some('a'), None));
        assert_eq!(<Result<BTreeMap<u8, char>, ()>>::answer(vec![(1, 'a')]), Ok(BTreeMap::from([(1, 'a')])));
    }
}
