//! What can be wrong with a backend. What the envelope makes harmless is not among it: a backend of bytes may show an
//! expired entry, lose the times and marks of one, or the tags it carries.

macro_rules! defects {
    ($($defect:ident => $($group:ident :: $check:ident),+;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Defect {
            None,
            $($defect),*
        }

        impl Defect {
            /// Each defect, and the checks that must find it.
            pub const ALL: &[(Self, &[&str])] =
                &[$((Self::$defect, &[$(concat!(stringify!($group), "::", stringify!($check))),+])),*];
        }
    };
}

defects! {
    // Reading.
    LosesOrder => values::several_keys_come_in_their_order_with_gaps_and_repeats;
    DropsRepeats => values::several_keys_come_in_their_order_with_gaps_and_repeats;
    LeavesGapsOut => values::several_keys_come_in_their_order_with_gaps_and_repeats;
    PeekSeesNothing => values::a_look_without_waiting_tells_what_reading_tells;
    StatesAreEntries => locks::a_state_is_no_entry;
    NoSize => service::a_size_is_told_of_what_is_there;
    ASizeOfNothing => service::a_size_is_told_of_what_is_there, lifetime::an_expired_entry_has_no_size;

    EmptyIsAnError => values::no_keys_are_no_question;

    // Writing.
    LargeValuesVanish => values::a_megabyte_comes_back_whole;
    TheFirstOfEqualsWins => values::several_are_stored_at_once_and_the_last_of_equals_wins;
    TheLastIsForgotten => values::several_are_stored_at_once_and_the_last_of_equals_wins;
    StoresAfterItWasDropped => removal::a_store_that_was_dropped_does_not_come_after_a_deletion;
    StoresSeveralAfterItWasDropped => removal::a_store_of_several_that_was_dropped_does_not_come_after_a_clear;
    WritesInTwoHalves => races::readers_see_whole_values_of_their_key;
    OverwritesWithAGap => races::an_overwrite_is_never_a_gap;

    // Time.
    DiesEarly => lifetime::an_entry_lives_to_its_end_and_no_longer;
    WholeSecondsOnly => lifetime::a_millisecond_is_a_life;
    MonthsAreDates => lifetime::a_month_is_a_life;
    ForeverIsAYear => lifetime::what_never_expires_stays;
    KeepsTheOldEnd => lifetime::an_overwrite_forgets_the_old_end;
    EndsOnlyComeNearer => lifetime::the_end_of_a_counter_moves_both_ways;
    ExpiredEntriesKeepOut => lifetime::an_expired_entry_is_absent_for_conditions;
    DeletesExpired => lifetime::an_expired_entry_is_absent_for_deletion;
    ListsExpired => lifetime::an_expired_entry_is_absent_for_listing;

    // Conditions.
    IgnoresAbsent => conditions::each_condition_holds_where_it_should;
    IgnoresPresent => conditions::each_condition_holds_where_it_should;
    AddsInTwoSteps => conditions::of_many_who_add_one_succeeds;
    ReplacesWhateverIsThere => conditions::what_was_changed_since_is_not_replaced;
    ReplacesWhatIsGone => conditions::what_is_gone_is_not_replaced;
    ReplacesInTwoSteps => conditions::of_many_who_replace_one_succeeds;

    // Removing.
    DeletesNothing => removal::a_deletion_tells_whether_an_entry_went;
    DeletesInTwoSteps => races::of_many_who_delete_one_is_told;
    CountsWhatIsNotThere => removal::several_are_deleted_and_counted_once;
    ClearLeavesReserved => removal::after_a_clear_nothing_is_left,
        locks::a_state_is_removed_by_its_key_and_by_a_clear;

    // Rights to fill.
    DeleteKeepsRights => fills::a_deletion_ends_the_right;
    PatternKeepsRights => fills::a_pattern_ends_the_rights_it_matches, races::no_fill_survives_a_pattern;
    ClearKeepsRights => fills::a_clear_ends_every_right, races::no_fill_survives_a_clear;
    SetKeepsRights => fills::a_direct_store_ends_the_right;
    ResealsAsItReplaces => fills::a_new_end_leaves_the_right;
    CountKeepsRights => fills::a_count_ends_the_right;
    AnyRightWillDo => fills::a_right_that_nobody_gave_is_none, fills::the_next_right_is_another;
    EachComputationEndsTheOthers => fills::a_second_computation_joins;
    OneGivesBackForAll => fills::a_second_computation_joins;
    NothingSupersedes => fills::what_supersedes_ends_the_rights_of_others;
    FillIgnoresConditions => fills::a_fill_keeps_to_its_condition;
    ChecksRightsTooEarly => races::no_fill_survives_a_deletion;

    // Counters.
    CountsInTwoSteps => counters::no_count_is_lost_among_threads;
    CountsOverText => counters::what_is_no_number_is_an_error_and_stays;
    SumsWrap => counters::a_sum_beyond_64_bits_is_an_error_and_changes_nothing;
    OnlyANewCounterGetsAnEnd => counters::a_counter_is_given_an_end_at_any_step;
    EachCountMovesTheEnd => counters::a_counter_keeps_the_end_it_has;
    CountersStayPositive => counters::a_counter_goes_below_zero_and_over_it;
    ExpiredCountersGoOn => lifetime::an_expired_counter_begins_anew;

    // Keys and patterns.
    KeysEndAt250 => values::keys_of_one_byte_and_of_the_greatest_length_differ;
    KeysEndAtNul => patterns::a_hostile_key_is_a_key_like_any_other;
    KeysAreTrimmed => patterns::a_hostile_key_is_a_key_like_any_other;
    KeysAreLowerCase => patterns::a_hostile_key_is_a_key_like_any_other;
    PatternsAreGlobs => patterns::a_pattern_lists_what_it_matches, patterns::a_pattern_deletes_what_it_matches;
    PatternsAreRegexes => patterns::a_pattern_lists_what_it_matches, patterns::a_pattern_deletes_what_it_matches;
    StarsStopAtLines => patterns::a_pattern_lists_what_it_matches, patterns::a_pattern_deletes_what_it_matches;
    ListsReserved => patterns::a_wide_pattern_does_not_list_what_is_reserved;
    DeletesReserved => patterns::a_wide_pattern_does_not_delete_what_is_reserved,
        locks::a_state_is_reached_by_a_pattern_that_names_it;
    ListsOnePage => patterns::a_listing_is_whole;
    ListsTwice => patterns::a_listing_is_whole;
    DeletesOnePage => patterns::a_deletion_by_pattern_is_whole;

    // States.
    UpdatesInTwoSteps => locks::no_step_is_lost_among_threads, locks::of_many_who_take_a_lock_one_holds_it;
    LeasesNeverEnd => locks::a_lock_ends_with_its_lease;
    AnyoneUnlocks => locks::a_lock_has_one_holder;
    StatesAreText => locks::a_lock_has_one_holder;
    StatesMakeRoom => locks::a_state_does_not_make_room_for_values;

    // Tags.
    TagsAreNotDeleted => tags::a_deleted_tag_ends_all_that_carry_it_and_nothing_else;
    OnlyTheFirstTagIsDeleted => tags::any_of_several_tags_ends_an_entry;
    TagsAreKeys => tags::tags_are_kept_apart_from_keys_whatever_their_text;
    AskingBeginsAnew => tags::a_generation_stands_until_its_tag_is_deleted;
    AnyTagEndsAll => tags::a_deleted_tag_ends_all_that_carry_it_and_nothing_else;
    CountsGenerations => tags::a_forgotten_generation_does_not_come_back;

    // The rest.
    AlwaysPong => service::a_ping_comes_back;
    ClosedForGood => service::closing_is_not_the_end;
}
