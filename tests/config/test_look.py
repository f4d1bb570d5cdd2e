"""The layout: what pages refer to is there, colours can be read, nothing asks the policy for an exception."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from courses.models import User

ROOT = Path(settings.BASE_DIR)
STATIC = ROOT / "config" / "static"
TEMPLATES = [
    path
    for folder in ("config/templates", "courses/templates", "labs/templates")
    for path in sorted((ROOT / folder).rglob("*.html"))
]
SHEETS = sorted((STATIC / "css").glob("*.css"))
THEMES = ("light", "dark")


def _served() -> Iterator[re.Pattern[str]]:
    """What the installer copies from npm's packages, as patterns of static names."""
    package = json.loads((ROOT / "config" / "assets" / "package.json").read_text())
    for source, folder in package["paja"]["served"].items():
        name = re.escape(source.rpartition("/")[2]).replace(r"\*", "[^/]+")
        yield re.compile(f"vendor/{re.escape(folder)}{name}")


def _is_there(name: str) -> bool:
    if name.startswith("vendor/"):
        return any(pattern.fullmatch(name) for pattern in _served())
    return (STATIC / name).is_file()


def _name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("template", TEMPLATES, ids=_name_of)
def test_a_template_refers_only_to_static_files_and_icons_that_exist(template: Path) -> None:
    text = template.read_text()
    icons = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "img" / "icons.svg").read_text()))

    missing = {name for name in re.findall(r"""{% static ['"]([^'"]+)""", text) if not _is_there(name)}
    unknown = set(re.findall(r'includes/icon\.html" with name="([^"]+)"', text)) - icons

    assert not missing
    assert not unknown


@pytest.mark.parametrize("template", TEMPLATES, ids=_name_of)
def test_a_template_needs_no_exception_from_the_content_security_policy(template: Path) -> None:
    text = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", template.read_text(), flags=re.DOTALL)

    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=|\shx-on", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|javascript:", text)


@pytest.mark.parametrize("sheet", SHEETS, ids=_name_of)
def test_a_style_sheet_refers_only_to_files_that_exist(sheet: Path) -> None:
    for address in re.findall(r'url\("([^"]+)"\)', sheet.read_text()):
        assert _is_there((sheet.parent / address).resolve().relative_to(STATIC).as_posix()), address


def _tokens(theme: str) -> dict[str, tuple[int, ...]]:
    text = (STATIC / "css" / "tokens.css").read_text()
    block = text.partition(f'[data-bs-theme="{theme}"] {{')[2].partition("}")[0]
    return {
        name: tuple(bytes.fromhex(value))
        for name, value in re.findall(r"--([a-z0-9-]+): #([0-9a-f]{6});", block)
    }


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """WCAG 2.2, "contrast ratio"."""

    def luminance(colour: tuple[int, ...]) -> float:
        channels = [value / 255 for value in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_colour_can_be_read_on_every_ground(theme: str) -> None:
    colours = _tokens(theme)
    texts = [name for name in colours if name.startswith(("ink", "code-"))]
    texts += ["accent", "accent-strong", "ember", "ember-strong", "good", "bad", "warn"]
    pairs = [(text, ground) for text in texts for ground in ("paper", "surface", "sunk")]
    pairs += [(name, f"{name}-wash") for name in ("accent", "ember", "good", "bad", "warn")]
    pairs += [("ink", f"{name}-wash") for name in ("accent", "ember", "good", "bad", "warn")]
    pairs += [("on-accent", "accent"), ("on-accent", "accent-strong")]

    too_faint = {pair: _contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}

    assert {pair: ratio for pair, ratio in too_faint.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_borders_of_controls_can_be_seen(theme: str) -> None:
    colours = _tokens(theme)

    assert min(_contrast(colours["edge"], colours[ground]) for ground in ("paper", "surface")) >= 3


def test_the_page_of_last_resort_needs_no_context() -> None:
    page = render_to_string("500.html")

    assert "Wait a minute" in page
    assert "/static/css/error.css" in page
    assert (STATIC / "css" / "error.css").is_file()


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_what_to_do(client: Client, ada: User) -> None:
    as_stranger = client.get("/nothing-here")
    client.force_login(ada)
    as_ada = client.get("/nothing-here")

    assert as_stranger.status_code == as_ada.status_code == 404
    assert "/accounts/login/?next=/nothing-here" in as_stranger.content.decode()
    assert "Go to my learning" in as_ada.content.decode()


@pytest.mark.django_db
def test_a_form_that_came_too_late_says_that_nothing_was_done() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/")

    assert answer.status_code == 403
    assert "nothing was done" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["login", "signup", "password/reset"])
def test_each_field_has_a_label_and_each_error_belongs_to_its_field(client: Client, page: str) -> None:
    html = client.post(f"/accounts/{page}/", {}).content.decode()
    fields = set(re.findall(r'<(?:input|select)[^>]* id="(id_[a-z0-9_]+)"', html))

    assert fields
    assert fields <= set(re.findall(r'<label for="([^"]+)"', html))
    for error in re.findall(r'<ul class="errorlist"[^>]* id="([^"]+)"', html):
        assert re.search(rf'aria-describedby="[^"]*\b{error}\b', html)


@pytest.mark.django_db
def test_the_top_bar_shows_a_person_only_their_own_parts(client: Client, ada: User, ben: User) -> None:
    client.force_login(ada)
    as_ada = client.get("/courses/").content.decode()
    client.force_login(ben)
    as_ben = client.get("/courses/").content.decode()

    assert 'href="/teach/"' not in as_ada
    assert 'href="/teach/"' in as_ben
    assert 'href="/admin/"' not in as_ben


@pytest.mark.django_db
def test_the_theme_kept_in_the_cookie_is_there_before_any_script(client: Client) -> None:
    client.cookies["paja_theme"] = "dark"

    assert '<html lang="en" data-bs-theme="dark">' in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
def test_a_message_is_plain_text_with_its_link_and_says_who_wrote(client: Client, ada: User) -> None:
    client.post("/accounts/password/reset/", {"email": ada.email})
    client.post("/accounts/password/reset/", {"email": "o'nobody@example.org"})

    known, unknown = mail.outbox
    assert "Set a new password" in known.subject
    assert re.search(r"^https?://\S+/accounts/password/reset/key/\S+$", str(known.body), re.MULTILINE)
    assert "o'nobody@example.org" in unknown.body
    assert "Paja, the course and lab platform" in known.body


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fi", "el"])
def test_every_language_is_offered_by_its_own_name(client: Client, language: str) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language

    with translation.override("en"):  # the request leaves its language behind
        page = client.get("/courses/").content.decode()

    for code, name in (("en", "English"), ("fi", "Suomi"), ("el", "Ελληνικά")):
        assert re.search(rf'<button name="language" value="{code}" lang="{code}"[^>]*>{name}<', page)
