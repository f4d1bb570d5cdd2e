"""Message catalogues by Babel: no gettext tools are needed. `--collect` also gathers what is to be translated."""

import argparse
import io
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

from deploy.development.place import ROOT

LOCALE = ROOT / "config" / "locale"
LANGUAGES = ("fi", "el")
PYBABEL = [sys.executable, "-m", "babel.messages.frontend"]


def compile_catalogues(folder: Path = LOCALE) -> int:
    """Write each .mo that is missing or older than its .po; the number written."""
    written = 0
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parents[1].name)
        unfinished = target.with_suffix(".new")
        with unfinished.open("wb") as file:
            write_mo(file, catalogue)
        unfinished.replace(target)
        written += 1
    return written


def extract_django(
    file: IO[bytes], keywords: Mapping[str, Any], tags: Collection[str], options: Any
) -> Iterator[Any]:
    """Babel's reader for templates, which has none of its own: Django turns the tags into calls.

    What Django leaves of the markup around them is indented at will, which no reader of Python takes.
    """
    calls = "\n".join(line.lstrip() for line in templatize(file.read().decode()).splitlines())
    yield from extract_python(io.BytesIO(calls.encode()), keywords, tags, options)


KEYWORDS = (
    "gettext_noop",
    "gettext_lazy",
    "ngettext_lazy:1,2",
    "pgettext_lazy:1c,2",
    "npgettext_lazy:1c,2,3",
)


def extract(template: Path) -> None:
    """Write the texts of the code and templates into a new template of catalogues."""
    command = [*PYBABEL, "--quiet", "extract", "--mapping", "deploy/development/babel.cfg"]
    command += ["--add-location=file", "--sort-output", *(f"--keyword={keyword}" for keyword in KEYWORDS)]
    subprocess.run([*command, "-o", str(template), "courses", "labs", "config"], cwd=ROOT, check=True)


def collect() -> None:
    """Bring every language's catalogue up to date with the texts of the code and templates."""
    LOCALE.mkdir(parents=True, exist_ok=True)
    template = LOCALE / "django.pot"
    extract(template)
    for language in LANGUAGES:
        catalogue = LOCALE / language / "LC_MESSAGES" / "django.po"
        command = ["update", "--ignore-obsolete"] if catalogue.exists() else ["init"]
        arguments = ["-D", "django", "-i", str(template), "-d", str(LOCALE), "-l", language]
        subprocess.run([*PYBABEL, "--quiet", *command, *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collect", action="store_true")
    if parser.parse_args().collect:
        collect()
    print(f"{compile_catalogues()} catalogues compiled")
