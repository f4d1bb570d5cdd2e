"""A unit as a reader sees it, learner or previewer: the parts that both pages share."""

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from courses import unit_kinds
from courses.models import Enrolment, Unit, UnitFile
from courses.outline import Outline
from courses.texts import pick_text

_SHOWN_IN_THE_BROWSER = ("image/", "text/plain")


def show_unit(
    request: HttpRequest, unit: Unit, outline: Outline, enrolment: Enrolment | None
) -> HttpResponse:
    """Render a unit through the template of its kind; `enrolment` is None in a preview."""
    kind = unit_kinds.get_kind(unit.kind)
    language = get_language() or settings.LANGUAGE_CODE
    text = pick_text(unit.texts.all(), language, unit.release.source_language)
    before, after = outline.around(unit.slug)
    context = {
        "unit": unit,
        "kind": kind,
        "text": text,
        "is_other_language": text.language != language,
        "entry": outline.entry_of(unit.slug),
        "module": outline.module_of(unit.slug),
        "outline": outline,
        "before": before,
        "after": after,
        "enrolment": enrolment,
        "section": "learning" if enrolment else "teaching",
        **kind.page_context(request, unit, enrolment, language),
    }
    return render(request, "courses/unit.html", context)


def send_unit_file(file: UnitFile) -> FileResponse:
    """A file of a course: shown where that is safe, else offered as a download; it can run nothing."""
    is_shown = file.content_type.startswith(_SHOWN_IN_THE_BROWSER)
    response = FileResponse(
        file.content.open(),
        content_type=file.content_type,
        as_attachment=not is_shown,
        filename=file.path.rpartition("/")[2],
    )
    response["X-Content-Type-Options"] = "nosniff"
    # An SVG opened by itself is a document: sandboxed, without scripts, and without our origin.
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    response["Cache-Control"] = "private, max-age=3600"
    return response
