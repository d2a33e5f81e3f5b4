//! The list of checks, once: for the table, and for the tests that the macro writes.

use super::{Capability, Check, Local};

/// Calls `$then` with what it is given and with every check: its group, its name, what it needs.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_checks {
    ([$($then:tt)+] $($with:tt)*) => {
        $($then)+! {
            $($with)*
            values {
                a_miss_is_none []
                what_was_set_is_what_is_read []
                an_overwrite_replaces_the_value []
                the_marks_of_an_entry_come_back []
                several_keys_come_in_their_order_with_gaps_and_repeats []
                several_are_stored_at_once_and_the_last_of_equals_wins []
                several_hundred_are_stored_and_read_at_once []
                no_keys_are_no_question []
                an_empty_value_is_a_value []
                a_megabyte_comes_back_whole []
                keys_of_one_byte_and_of_the_greatest_length_differ []
                a_look_without_waiting_tells_what_reading_tells []
            }
            removal {
                a_deletion_tells_whether_an_entry_went []
                several_are_deleted_and_counted_once []
                after_a_clear_nothing_is_left []
                after_a_flush_nothing_is_left []
                what_was_removed_can_be_set_again []
                a_store_that_was_dropped_does_not_come_after_a_deletion []
                a_store_of_several_that_was_dropped_does_not_come_after_a_clear []
            }
            lifetime {
                an_entry_lives_to_its_end_and_no_longer []
                a_millisecond_is_a_life []
                a_month_is_a_life []
                what_never_expires_stays []
                an_overwrite_forgets_the_old_end []
                an_expired_entry_is_absent_for_reading []
                an_expired_entry_is_absent_for_conditions []
                an_expired_entry_is_absent_for_deletion []
                an_expired_entry_is_absent_for_patterns [DeleteMatch]
                an_expired_entry_is_absent_for_listing [Scan]
                an_expired_entry_is_not_revived [Expire]
                an_expired_counter_begins_anew [Counters]
                an_expired_entry_has_no_size [Sizes]
                the_end_moves_both_ways [Expire]
                the_end_of_a_counter_moves_both_ways [Expire Counters]
                an_end_that_is_now_ends_it [Expire]
            }
            conditions {
                each_condition_holds_where_it_should []
                a_condition_that_fails_leaves_the_end_as_it_is []
                of_many_who_add_one_succeeds []
                what_was_read_can_be_replaced_once [Cas]
                what_was_changed_since_is_not_replaced [Cas]
                an_equal_value_that_was_stored_since_is_not_replaced [Cas]
                what_is_gone_is_not_replaced [Cas]
                of_many_who_replace_one_succeeds [Cas]
            }
            fills {
                a_computation_is_stored_while_its_right_stands [Fills]
                a_second_computation_joins [Fills]
                a_right_is_for_one_key [Fills]
                a_right_that_nobody_gave_is_none [Fills]
                a_deletion_ends_the_right [Fills]
                the_next_right_is_another [Fills]
                a_pattern_ends_the_rights_it_matches [Fills DeleteMatch]
                a_clear_ends_every_right [Fills]
                a_direct_store_ends_the_right [Fills]
                a_new_end_leaves_the_right [Fills Expire Cas]
                a_count_ends_the_right [Fills Counters]
                a_replacement_ends_the_right [Fills Cas]
                what_stores_nothing_leaves_the_right [Fills]
                what_could_not_be_counted_leaves_the_right [Fills Counters]
                a_fill_keeps_to_its_condition [Fills]
                what_supersedes_ends_the_rights_of_others [Fills]
            }
            counters {
                a_counter_begins_at_zero [Counters]
                a_counter_goes_below_zero_and_over_it [Counters]
                a_sum_beyond_64_bits_is_an_error_and_changes_nothing [Counters]
                what_is_no_number_is_an_error_and_stays [Counters]
                a_counter_is_given_an_end_at_any_step [Counters]
                a_counter_keeps_the_end_it_has [Counters]
                a_counter_is_an_entry [Counters]
                a_long_life_of_a_counter_is_kept [Counters]
                no_count_is_lost_among_threads [Counters]
            }
            patterns {
                a_hostile_key_is_a_key_like_any_other []
                hostile_keys_are_stored_together []
                a_hostile_key_counts [Counters]
                a_pattern_lists_what_it_matches [Scan]
                a_pattern_deletes_what_it_matches [DeleteMatch]
                a_wide_pattern_does_not_list_what_is_reserved [Scan]
                a_wide_pattern_does_not_delete_what_is_reserved [DeleteMatch]
                a_listing_is_whole [Scan]
                a_deletion_by_pattern_is_whole [DeleteMatch]
            }
            locks {
                a_lock_has_one_holder [Locks]
                a_lock_ends_with_its_lease [Locks]
                no_step_is_lost_among_threads [Locks]
                of_many_who_take_a_lock_one_holds_it [Locks]
                a_state_is_no_entry [Locks]
                a_state_is_removed_by_its_key_and_by_a_clear [Locks]
                a_state_is_reached_by_a_pattern_that_names_it [Locks DeleteMatch]
                a_state_does_not_make_room_for_values [Locks]
            }
            tags {
                a_deleted_tag_ends_all_that_carry_it_and_nothing_else [Tags]
                any_of_several_tags_ends_an_entry [Tags]
                what_was_begun_before_a_deletion_is_not_valid_after_it [Tags]
                a_generation_stands_until_its_tag_is_deleted [Tags]
                no_generation_comes_twice [Tags]
                a_forgotten_generation_does_not_come_back [Tags]
                an_overwrite_replaces_the_tags [Tags]
                tags_are_kept_apart_from_keys_whatever_their_text [Tags]
                a_clear_leaves_no_tagged_entry [Tags]
                no_tags_are_no_question [Tags]
                a_deletion_costs_the_same_however_many_carry_the_tag [Tags]
            }
            near {
                what_is_kept_near_is_shown_without_waiting []
                what_is_written_here_is_not_near_any_more []
                what_was_read_before_a_write_is_not_kept_after_it []
                a_write_that_was_dropped_leaves_nothing_near []
                a_deleted_tag_ends_what_is_near [Tags]
                who_has_written_sees_nothing_older []
            }
            races {
                readers_see_whole_values_of_their_key []
                an_overwrite_is_never_a_gap []
                of_many_who_delete_one_is_told []
                no_fill_survives_a_deletion [Fills]
                no_fill_survives_a_clear [Fills]
                no_fill_survives_a_pattern [Fills DeleteMatch]
            }
            service {
                a_ping_comes_back []
                a_backend_has_a_name []
                a_raw_command_is_answered_or_refused []
                closing_is_not_the_end []
                a_size_is_told_of_what_is_there [Sizes]
                what_is_said_to_be_missing_is_refused []
            }
        }
    };
}

macro_rules! table {
    ($($group:ident { $($name:ident [$($need:ident)*])* })*) => {
        pub(super) const CHECKS: &[Check] = &[$($(Check {
            name: concat!(stringify!($group), "::", stringify!($name)),
            needs: &[$(Capability::$need),*],
            run: |bench| -> Local<()> { Box::pin(super::$group::$name(bench)) },
        }),*),*];
    };
}

crate::__conformance_checks! { [table] }

/// A module with a test for every check of [`conformance`](mod@crate::testing::conformance).
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($module:ident, $make:expr $(, $option:ident $(= [$($lacking:ident),* $(,)?])?)* $(,)?) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports, clippy::wildcard_imports, reason = "whatever the expression needs")]
            use super::*;

            fn suite() -> $crate::testing::conformance::Suite {
                let suite = $crate::testing::conformance::Suite::new($make);
                $(let suite = $crate::__conformance_option!(suite $option $([$($lacking)*])?);)*
                suite
            }

            $crate::__conformance_checks! { [$crate::__conformance_tests] }
        }
    };
}

/// A suite with one more option.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_option {
    ($suite:ident real_time) => { $suite.real_time() };
    ($suite:ident without [$($lacking:ident)*]) => {
        $suite$(.without($crate::__conformance_lacks!($lacking)))*
    };
    ($suite:ident $other:ident $($value:tt)?) => {
        compile_error!(concat!(
            "`", stringify!($other), "` is no option: there are `without = [scan, …]` and `real_time`"
        ))
    };
}

/// The tests, in a module for each group.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($($group:ident { $($name:ident [$($need:ident)*])* })*) => {
        $(mod $group {
            $(
                #[test]
                fn $name() {
                    super::suite().run(concat!(stringify!($group), "::", stringify!($name)));
                }
            )*
        })*
    };
}

/// What is lacking, as it is written in `without = […]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_lacks {
    (scan) => {
        $crate::testing::conformance::Capability::Scan
    };
    (delete_match) => {
        $crate::testing::conformance::Capability::DeleteMatch
    };
    (cas) => {
        $crate::testing::conformance::Capability::Cas
    };
    (expire) => {
        $crate::testing::conformance::Capability::Expire
    };
    (counters) => {
        $crate::testing::conformance::Capability::Counters
    };
    (fills) => {
        $crate::testing::conformance::Capability::Fills
    };
    (tags) => {
        $crate::testing::conformance::Capability::Tags
    };
    (locks) => {
        $crate::testing::conformance::Capability::Locks
    };
    (sizes) => {
        $crate::testing::conformance::Capability::Sizes
    };
    ($other:ident) => {
        compile_error!(concat!(
            "`",
            stringify!($other),
            "` is not a capability: there are scan, delete_match, cas, expire, counters, \
             fills, tags, locks and sizes"
        ))
    };
}
