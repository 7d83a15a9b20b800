"""The stand-in keeps the promises that the benches depend on: the contract's own tests, run on it."""

from tests.contract.test_objects import (
    test_a_download_link_gives_the_bytes_with_their_type_and_headers,
    test_a_missing_object_is_told_apart_from_a_fault,
    test_a_stream_of_any_size_is_stored_and_read_back_with_its_size,
    test_a_stream_that_breaks_off_stores_nothing_and_leaves_no_parts,
    test_an_object_is_put_only_where_none_is,
    test_an_object_is_read_back_byte_for_byte,
    test_deleting_twice_is_fine,
    test_several_objects_are_deleted_at_once_whether_they_exist_or_not,
)
from tests.contract.test_queue import (
    test_a_lapsed_handle_deletes_nothing,
    test_a_long_poll_returns_as_soon_as_something_arrives,
    test_a_received_message_is_hidden_and_comes_back_after_its_timeout,
    test_a_released_message_is_received_again_at_once,
    test_acknowledged_messages_are_gone,
    test_an_empty_queue_gives_nothing,
    test_an_extension_keeps_a_message_hidden_past_its_timeout,
    test_an_id_is_remembered_even_after_its_message_is_deleted,
    test_the_same_id_sent_again_is_swallowed,
    test_up_to_the_limit_is_received_at_once,
    test_what_is_sent_is_received_with_its_text_and_count,
)
from tests.contract.test_records import (
    test_a_record_past_its_retention_gives_way,
    test_a_record_that_somebody_moved_along_cannot_be_withdrawn,
    test_a_refusal_shows_the_record_that_caused_it,
    test_a_request_goes_through_its_whole_life,
    test_a_second_record_under_the_same_key_is_refused_and_shown_the_first,
    test_a_write_repeated_after_a_lost_answer_finds_its_own_effect,
    test_an_unknown_record_is_none,
    test_an_untouched_record_can_be_withdrawn_once_and_again,
    test_no_move_creates_a_record,
    test_of_many_claims_at_once_exactly_one_wins,
    test_the_database_decides_as_the_rules_do,
)

__all__ = [name for name in dir() if name.startswith("test_")]
