from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from courses.templatetags import words

MOMENT = datetime(2026, 11, 22, 8, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "expected"),
    [
        ("en", "Europe/Helsinki", "22 November 2026, 10:42 EET"),
        ("fi", "Europe/Helsinki", "22.11.2026 klo 10.42 EET"),
        ("el", "Europe/Athens", "22 Νοεμβρίου 2026, 10:42 EET"),
        ("en", "UTC", "22 November 2026, 08:42 UTC"),
        ("en", "America/Sao_Paulo", "22 November 2026, 05:42 UTC-03"),
        ("en", "Asia/Kolkata", "22 November 2026, 14:12 IST"),
    ],
)
def test_a_moment_is_said_in_the_readers_zone_and_names_it(language: str, zone: str, expected: str) -> None:
    with translation.override(language), timezone.override(ZoneInfo(zone)):
        said = words.when(MOMENT)

    assert f">{expected}</time>" in said
    assert 'datetime="2026-11-22T' in said


def test_a_day_is_the_readers_day() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    with translation.override("en"), timezone.override(ZoneInfo("Europe/Athens")):
        assert words.day(late) == '<time datetime="2026-11-23">23 November 2026</time>'


def test_no_moment_is_no_words() -> None:
    assert words.when(None) == words.day(None) == ""


@pytest.mark.parametrize(
    ("value", "language", "expected"),
    [
        (4.0, "en", "4"),
        (2.5, "en", "2.5"),
        (2.5, "fi", "2,5"),
        (1 / 3, "en", "0.33"),
        (2.999, "en", "3"),
        (0, "en", "0"),
        (None, "en", ""),
    ],
)
def test_points_are_short(value: float | None, language: str, expected: str) -> None:
    with translation.override(language):
        assert words.points(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(25, "25 min"), (60, "1 h"), (80, "1 h 20 min"), (None, ""), (0, "")],
)
def test_minutes_become_hours(value: int | None, expected: str) -> None:
    assert words.minutes(value) == expected


@pytest.mark.parametrize(("value", "expected"), [("1.0", "1 hour"), ("2.0", "2 hours"), ("1.5", "1.5 hours")])
def test_the_length_of_a_course(value: str, expected: str) -> None:
    assert words.hours(Decimal(value)) == expected


@pytest.mark.parametrize(("language", "expected"), [("en", "Finland"), ("fi", "Suomi"), ("el", "Φινλανδία")])
def test_countries_are_named_in_the_readers_language(language: str, expected: str) -> None:
    with translation.override(language):
        assert words.country_name("FI") == expected


def test_languages_are_named_by_themselves() -> None:
    assert words.language_names(["en", "fi", "el"]) == "English, Suomi, Ελληνικά"
