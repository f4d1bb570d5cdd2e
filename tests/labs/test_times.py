from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from labs.templatetags.labs_times import clock, seconds

LONG_AGO = datetime(2020, 11, 22, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "22 November 2020, 09:05\N{NO-BREAK SPACE}EET"),
        ("fi", "22. marraskuuta 2020 klo\N{NO-BREAK SPACE}9.05\N{NO-BREAK SPACE}EET"),
        ("el", "22 Νοεμβρίου 2020, 09:05\N{NO-BREAK SPACE}EET"),
    ],
)
def test_a_time_is_said_as_the_readers_language_says_it(language: str, expected: str) -> None:
    with translation.override(language), timezone.override(ZoneInfo("Europe/Helsinki")):
        assert f">{expected}</time>" in clock(LONG_AGO)


@pytest.mark.parametrize(("language", "expected"), [("en", "09:05:00"), ("fi", "9.05.00")])
def test_a_time_has_seconds_where_it_needs_them(language: str, expected: str) -> None:
    with translation.override(language), timezone.override(ZoneInfo("Europe/Helsinki")):
        assert expected in clock(LONG_AGO, True)


def test_a_time_of_today_needs_no_day() -> None:
    with translation.override("fi"), timezone.override(UTC):
        now = timezone.now()
        said = clock(now)
        yesterday = clock(now - timedelta(days=1))

    assert f">klo\N{NO-BREAK SPACE}{now.hour}.{now:%M}\N{NO-BREAK SPACE}UTC</time>" in said
    assert "kuuta" in yesterday


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (None, ""),
        (0.084, "0.08 s"),
        (0.1, "0.1 s"),
        (2.345, "2.3 s"),
        (41.4, "41 s"),
        (99.4, "99 s"),
        (100, "1 min 40 s"),
        (120, "2 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_measured_duration_is_as_exact_as_it_helps(measured: float | None, expected: str) -> None:
    assert seconds(measured) == expected


def test_a_measured_duration_has_the_readers_own_comma() -> None:
    with translation.override("fi"):
        assert seconds(2.34).startswith("2,3")
