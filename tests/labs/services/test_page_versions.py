"""A page's version: the part before the dot changes with what is worth being read out, the rest with the details."""

from datetime import timedelta

from django.utils import timezone

from labs.services.page_versions import make_version


def test_what_moves_on_changes_the_details_only() -> None:
    state, _, details = make_version("queued", quiet=("3 others are before you",)).partition(".")
    after = make_version("queued", quiet=("2 others are before you",)).partition(".")
    assert after[0] == state
    assert after[2] != details


def test_a_change_of_state_changes_the_version_and_nothing_else_does() -> None:
    assert make_version("queued") == make_version("queued")
    assert make_version("queued").partition(".")[0] != make_version("running").partition(".")[0]


def test_the_age_of_saved_work_is_a_detail() -> None:
    saved_at = timezone.now()
    old = saved_at - timedelta(minutes=3)
    assert make_version(saved_at=saved_at).partition(".")[0] == make_version(saved_at=old).partition(".")[0]
    assert make_version(saved_at=saved_at) != make_version(saved_at=old)
