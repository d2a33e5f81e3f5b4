//! The suite finds what is wrong: backends with one defect each, and the checks that must not pass.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod broken;

use std::panic::{AssertUnwindSafe, catch_unwind};

use broken::{Broken, Defect};
use macadamia::testing::Wire;
use macadamia::testing::conformance::{CHECKS, Capability, Suite};

// What carries the defects has none of its own, or they would prove nothing.
macadamia::testing::conformance! {
    without_defect,
    || async { Broken::new(Defect::None) },
}

/// Whether the suite refuses a backend with this defect by that check.
fn is_found(defect: Defect, check: &str) -> bool {
    let suite = Suite::new(move || async move { Broken::new(defect) });
    catch_unwind(AssertUnwindSafe(|| suite.run(check))).is_err()
}

#[test]
fn every_defect_is_found_by_the_check_that_is_for_it() {
    let missed: Vec<_> = Defect::ALL
        .iter()
        .flat_map(|(defect, checks)| checks.iter().map(move |check| (*defect, *check)))
        .filter(|(defect, check)| !is_found(*defect, check))
        .collect();
    assert!(missed.is_empty(), "these defects passed these checks: {missed:#?}");
    assert!(Defect::ALL.len() >= 70);
}

#[test]
fn a_check_that_finds_a_defect_is_a_check() {
    for (_, checks) in Defect::ALL {
        for check in *checks {
            assert!(CHECKS.iter().any(|known| known.name() == *check), "there is no check {check}");
        }
    }
}

#[test]
#[should_panic(expected = "it was said to have no Scan, and `scan` did not refuse")]
fn what_is_said_to_be_missing_must_be_missing() {
    let suite = Suite::new(|| async { Wire::new() }).without(Capability::Scan);
    suite.run("service::what_is_said_to_be_missing_is_refused");
}

#[test]
fn a_check_of_what_is_missing_is_passed_over() {
    let suite = Suite::new(|| async { Broken::new(Defect::ListsOnePage) }).without(Capability::Scan);
    suite.run("patterns::a_listing_is_whole");
}

#[test]
#[should_panic(expected = "there is no check `values::typo`")]
fn a_check_that_does_not_exist_is_no_success() {
    Suite::new(|| async { Wire::new() }).run("values::typo");
}
