"""The hub's own pages: each in three languages, with nothing that runs, and none of JupyterHub's left."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader

from deploy.development.messages import HUB_LOCALE, LANGUAGES, compile_catalogues, extract_hub
from deploy.jupyterhub import pages

PAGES = sorted(
    path.name for path in pages.TEMPLATES.glob("*.html") if path.stem not in {"paja", "no_answer_section"}
)
STATUSES = (400, 403, 404, 424, 500, 503)
STRANGE = re.compile(r"<script|\son\w+=|style=\"|javascript:|src=|@import|url\((?!\"data:)")


@pytest.fixture(scope="module", autouse=True)
def _catalogues() -> None:
    compile_catalogues()


def draw(name: str, language: str, **more: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(pages.TEMPLATES), autoescape=True, extensions=[pages.Translations]
    )
    given = {"language": language, "back": "http://paja.test/labs/servers/s-1/", "sections": []}
    return environment.get_template(name).render(
        **pages.page_vars("http://paja.test", "athens"), **{**given, "status_code": 404, **more}
    )


@pytest.mark.parametrize("language", pages.LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_leads_back_to_paja_and_runs_nothing(name: str, language: str) -> None:
    page = draw(name, language)

    assert f'<html lang="{language}">' in page
    assert 'href="http://paja.test' in page
    assert not STRANGE.search(page)
    assert "{{" not in page


def test_texts_and_names_of_sites_are_in_the_language_of_the_page() -> None:
    assert "Harjoitustyö ei ole käynnissä" in draw("not_running.html", "fi")
    assert "Ateena" in draw("home.html", "fi")
    assert "Αθήνα" in draw("home.html", "el")
    assert "Σφάλμα 503" in draw("error.html", "el", status_code=503)


def test_the_way_back_is_called_what_it_is() -> None:
    assert "Go to the lab’s page" in draw("not_running.html", "en", server_name="")
    assert "Go to Paja" in draw("not_running.html", "en", back="http://paja.test")


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_each_error_says_something_of_its_own(language: str) -> None:
    headings = {
        re.sub(
            r"\s+", " ", draw("error.html", language, status_code=status).split("<h1>")[1].split("</h1>")[0]
        )
        for status in STATUSES
    }

    assert len(headings) == len(STATUSES) - 1  # 424 and 503 are the same to a learner


@pytest.mark.parametrize(
    ("remembered", "accepted", "language"),
    [
        (None, "", "en"),
        ("fi", "el", "fi"),
        ("sv", "el", "el"),
        (None, "el-GR,el;q=0.9,en;q=0.8", "el"),
        (None, "en;q=0.5,fi;q=0.9", "fi"),
        (None, "sv,de", "en"),
        (None, "fi;q=0,el;q=0.1", "el"),
        (None, "fi;q=x,;;,,el;q=", "el"),
        ("../../etc", "*", "en"),
    ],
)
def test_the_language_is_that_of_the_log_in_else_of_the_browser(
    remembered: str | None, accepted: str, language: str
) -> None:
    assert pages.choose_language(remembered, accepted) == language


def test_the_policy_lets_the_one_style_and_nothing_else() -> None:
    policy = pages.content_policy()

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_proxys_own_page_says_it_in_all_languages(tmp_path: Path) -> None:
    pages.write_proxy_pages(tmp_path, pages.page_vars("http://paja.test", "kajaani"))

    page = (tmp_path / "error.html").read_text()
    for text in (
        "The labs do not answer",
        "Harjoitustyöt eivät",
        "Τα εργαστήρια δεν απαντούν",
        '<section lang="el">',
    ):
        assert text in page
    assert not STRANGE.search(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_of_the_hub_is_complete_and_has_nothing_else(language: str, tmp_path: Path) -> None:
    extract_hub(tmp_path / "hub.pot")
    wanted = {message.id for message in read_po((tmp_path / "hub.pot").open("rb")) if message.id}
    with (HUB_LOCALE / language / "LC_MESSAGES" / "hub.po").open("rb") as file:
        catalogue = {message.id: message for message in read_po(file, locale=language) if message.id}

    assert catalogue.keys() == wanted, "make messages collects them"
    assert [text for text, message in catalogue.items() if message.fuzzy or not message.string] == []
