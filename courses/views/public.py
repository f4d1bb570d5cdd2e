"""Pages that anybody may see: the front page, the catalogue, a course."""

from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from courses import access
from courses.models import Cohort, CourseRelease, CourseText, Factory
from courses.offers import make_offers
from courses.outline import Addresses, load_outlines, make_outline
from courses.texts import pick_text
from courses.views.dashboard import show_dashboard


@dataclass(frozen=True)
class CourseCard:
    """A course in the catalogue, with the factories that run it now or soon."""

    release: CourseRelease
    text: CourseText
    factories: tuple[Factory, ...]


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """A front page for those who are new; for those who are signed in, the way back to their work."""
    if request.user.is_authenticated:
        return show_dashboard(request, request.user)
    context = {"cards": _make_cards(), "factories": Factory.objects.all()}
    return render(request, "courses/landing.html", context)


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    return render(request, "courses/catalogue.html", {"cards": _make_cards(), "section": "courses"})


@require_GET
def course(request: HttpRequest, course: str) -> HttpResponse:
    release = access.listed_release(course)
    load_outlines([release])
    offers = make_offers(request.user, release.course, timezone.now())
    texts = {text.language: text for text in release.texts.all()}
    language = get_language() or ""
    context = {
        "release": release,
        "outline": make_outline(release, language, Addresses(course="", unit=lambda _slug: "")),
        "about": pick_text(
            [text for text in texts.values() if text.about_html] or texts.values(),
            language,
            release.source_language,
        ),
        "offers": offers,
        "factories": list(dict.fromkeys(offer.cohort.factory for offer in offers)),
        "section": "courses",
    }
    return render(request, "courses/course.html", context)


def _make_cards() -> list[CourseCard]:
    now = timezone.now()
    cohorts = Cohort.objects.filter(ends_at__gt=now).select_related("factory")
    releases = access.listed_releases().prefetch_related(
        "texts",
        Prefetch(
            "course__releases",
            queryset=CourseRelease.objects.prefetch_related(Prefetch("cohorts", queryset=cohorts)),
        ),
    )
    language = get_language() or ""
    return [
        CourseCard(
            release=release,
            text=pick_text(release.texts.all(), language, release.source_language),
            factories=tuple(
                dict.fromkeys(
                    cohort.factory for each in release.course.releases.all() for cohort in each.cohorts.all()
                )
            ),
        )
        for release in releases
    ]
