"""The names of countries, in every language of the pages."""

from functools import cache

from babel import Locale


@cache
def country_names(language: str) -> dict[str, str]:
    """Two-letter codes and names of all countries and territories, in a language."""
    territories = Locale.parse(language, sep="-").territories
    # XA and XB are for testing, ZZ is "unknown", EU, EZ, UN and QO are no countries.
    no_countries = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
    return {
        code: name
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in no_countries
    }
