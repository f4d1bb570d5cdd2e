"""The hub's own pages: Paja's look, the learner's language, no script, nothing fetched from elsewhere."""

import base64
import gettext
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, pass_context
from jinja2.ext import InternationalizationExtension
from jinja2.runtime import Context
from jupyterhub.handlers import BaseHandler
from markupsafe import Markup
from tornado.httputil import HTTPServerRequest

from deploy.jupyterhub.addresses import back_address

FOLDER = Path(__file__).resolve().parent
TEMPLATES = FOLDER / "templates"
LOCALE = FOLDER / "locale"
LANGUAGES = ("en", "fi", "el")  # the first is that of the texts in the templates
LANGUAGE_COOKIE = "paja-language"


def gettext_noop(text: str) -> str:
    """Mark a text that is translated where it is shown."""
    return text


# A site's name in each language; one that is not here is shown as its slug says.
SITES = {"kajaani": gettext_noop("Kajaani"), "athens": gettext_noop("Athens")}


# --- Language ----------------------------------------------------------------------------------------


def choose_language(remembered: str | None, accepted: str) -> str:
    """The language of the last log-in, else the first of `Accept-Language` that there is, else English."""
    if remembered in LANGUAGES:
        return remembered
    wanted = []
    for number, item in enumerate(accepted[:200].split(",")):
        code, _, quality = item.strip().lower().partition(";q=")
        if re.fullmatch(r"[01](\.\d{0,3})?", quality or "1"):
            wanted.append((-float(quality or "1"), number, code.split("-")[0]))
    return next((code for quality, _, code in sorted(wanted) if quality and code in LANGUAGES), LANGUAGES[0])


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The texts in a language; English where the catalogue is not compiled."""
    return gettext.translation("hub", LOCALE, languages=[language], fallback=True)


@pass_context
def translate(context: Context, text: str) -> str:
    return catalogue(str(context.get("language", LANGUAGES[0]))).gettext(text)


@pass_context
def translate_plural(context: Context, one: str, many: str, number: int) -> str:
    return catalogue(str(context.get("language", LANGUAGES[0]))).ngettext(one, many, number)


class Translations(InternationalizationExtension):
    """jinja2's own extension, with the language taken from the page that is drawn."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.install_gettext_callables(translate, translate_plural, newstyle=True)  # type: ignore[attr-defined]
        environment.policies["ext.i18n.trimmed"] = True


# --- What every template is given --------------------------------------------------------------------


def page_vars(paja: str, factory: str) -> dict[str, Any]:
    """The same on all pages; the style is one text, so that its digest can stand in the policy."""
    return {
        "paja": paja,
        "factory": SITES.get(factory, factory.capitalize()),
        "style": Markup(read_style()),  # noqa: S704  (a file of ours)
    }


def request_vars(request: HTTPServerRequest, paja: str) -> dict[str, str]:
    """What depends on who asks for what: the language, and the way back."""
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    language = choose_language(cookie.value if cookie else None, request.headers.get("Accept-Language", ""))
    return {
        "language": language,
        "back": back_address(paja, request.path),
    }


def give_pages_their_request() -> None:
    """Let templates know the request. JupyterHub gives them the user only, and has no hook for more."""
    inherited = BaseHandler.template_namespace.fget

    def template_namespace(handler: BaseHandler) -> Mapping[str, Any]:
        namespace = inherited(handler)
        return {**namespace, **request_vars(handler.request, namespace["paja"])}

    BaseHandler.template_namespace = property(template_namespace)


# --- Policy ------------------------------------------------------------------------------------------


@cache
def read_style() -> str:
    return (TEMPLATES / "hub.css").read_text()


def content_policy() -> str:
    """Nothing may be loaded, framed, sent or run; the one style is known by its digest."""
    digest = base64.b64encode(hashlib.sha256(read_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


# --- The page that the proxy shows by itself ---------------------------------------------------------


def write_proxy_pages(folder: Path, variables: Mapping[str, Any]) -> None:
    """Write what the proxy shows when neither the hub nor a server answers it; there is no other page then.

    The proxy knows nothing of who asks: the page says the same in all languages, and tries again by itself.
    """
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=[Translations])
    section = environment.get_template("no_answer_section.html")
    sections = [
        Markup(section.render(**variables, language=language, is_first=language == LANGUAGES[0]))  # noqa: S704
        for language in LANGUAGES
    ]
    page = environment.get_template("no_answer.html").render(
        **variables, language=LANGUAGES[0], sections=sections
    )
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = folder / "error.new"
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(folder / "error.html")
