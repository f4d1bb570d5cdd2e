"""Message catalogues by Babel: no gettext tools are needed. `--collect` also gathers what is to be translated."""

import argparse
import io
import itertools
import os
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
# The hub's pages have a catalogue of their own: nothing of Paja is installed there.
HUB_LOCALE = ROOT / "deploy" / "jupyterhub" / "locale"
LANGUAGES = ("fi", "el")
PYBABEL = [sys.executable, "-m", "babel.messages.frontend"]


def compile_catalogues(*folders: Path) -> int:
    """Write each .mo that is missing or older than its .po, of Paja's and the hub's; the number written."""
    written = 0
    sources = [sorted(folder.glob("*/LC_MESSAGES/*.po")) for folder in folders or (LOCALE, HUB_LOCALE)]
    for source in itertools.chain.from_iterable(sources):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parents[1].name)
        unfinished = target.with_suffix(f".{os.getpid()}.new")  # two that start at once write one each
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
    run_extract(template, "deploy/development/babel.cfg", "courses", "labs", "config")


def extract_hub(template: Path) -> None:
    """The same for the hub's own pages."""
    run_extract(template, "deploy/jupyterhub/babel.cfg", "deploy/jupyterhub")


def run_extract(template: Path, mapping: str, *folders: str) -> None:
    command = [*PYBABEL, "--quiet", "extract", "--mapping", mapping]
    command += ["--add-location=file", "--sort-output", *(f"--keyword={keyword}" for keyword in KEYWORDS)]
    subprocess.run([*command, "-o", str(template), *folders], cwd=ROOT, check=True)


def collect() -> None:
    """Bring every language's catalogues up to date with the texts of the code and templates."""
    for locale, domain, write in ((LOCALE, "django", extract), (HUB_LOCALE, "hub", extract_hub)):
        locale.mkdir(parents=True, exist_ok=True)
        template = locale / f"{domain}.pot"
        write(template)
        for language in LANGUAGES:
            catalogue = locale / language / "LC_MESSAGES" / f"{domain}.po"
            command = ["update", "--ignore-obsolete"] if catalogue.exists() else ["init"]
            arguments = ["-D", domain, "-i", str(template), "-d", str(locale), "-l", language]
            subprocess.run([*PYBABEL, "--quiet", *command, *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collect", action="store_true")
    if parser.parse_args().collect:
        collect()
    print(f"{compile_catalogues()} catalogues compiled")
