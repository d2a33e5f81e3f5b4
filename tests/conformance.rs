//! The backends that are for tests pass the suite as well: what is built on them is built on the contract.
#![allow(missing_docs, reason = "tests")]

use macadamia::Memory;
use macadamia::testing::{Faults, Wire};

macadamia::testing::conformance! {
    wire,
    || async { Wire::new() },
}

// With room for few tags: what is forgotten is over.
macadamia::testing::conformance! {
    forgetful_wire,
    || async { Wire::with_tag_records(50) },
}

macadamia::testing::conformance! {
    near_wire,
    || async { Wire::new().listener() },
}

macadamia::testing::conformance! {
    slow_wire,
    || async { giving_way().wrap(Wire::new()) },
}

macadamia::testing::conformance! {
    slow_memory,
    || async { giving_way().wrap(Memory::default()) },
}

fn giving_way() -> Faults {
    let faults = Faults::new();
    faults.yields(1);
    faults
}
