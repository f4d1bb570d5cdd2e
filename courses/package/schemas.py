"""What the TOML files of a package say: keys, types and ranges. A key that is not here is a fault."""

from typing import Annotated, Any, Literal

from babel import localedata
from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from courses.package.limits import MAX_HOURS, MAX_MINUTES, MAX_SLUG, MAX_SUMMARY, MAX_TITLE
from courses.package.names import SLUG

ESCO_SKILLS = "http://data.europa.eu/esco/skill/"


def _refuse(message: str) -> PydanticCustomError:
    # pydantic would take braces for a template
    return PydanticCustomError("refused", "{message}", {"message": message})


def _check_slug(value: str) -> str:
    if not SLUG.fullmatch(value) or len(value) > MAX_SLUG:
        message = _(
            "“%(value)s” must be words of a to z and 0 to 9 joined by “-”, at most %(max)d characters"
        )
        raise _refuse(message % {"value": value, "max": MAX_SLUG})
    return value


def is_language(value: object) -> bool:
    """Whether this is the code of a language (ISO 639, as Unicode's CLDR has them), such as `en`."""
    return isinstance(value, str) and value.isalpha() and value.islower() and localedata.exists(value)


def _check_language(value: str) -> str:
    if not is_language(value):
        raise _refuse(_("“%(value)s” is not the code of a language, such as “en”") % {"value": value})
    return value


def _check_languages(value: list[str]) -> list[str]:
    if not value:
        raise _refuse(_("a course has at least one language"))
    if len(set(value)) < len(value):
        raise _refuse(_("a language is named twice"))
    return value


def _check_skill(value: str) -> str:
    if not value.startswith(ESCO_SKILLS) or len(value) > 200:
        raise _refuse(
            _("“%(value)s” is not an ESCO skill: %(start)s…") % {"value": value, "start": ESCO_SKILLS}
        )
    return value


def _check_words(value: str) -> str:
    if not value.strip():
        raise _refuse(_("this is empty"))
    return value.strip()


def _check_line(value: str) -> str:
    if "\n" in value.strip():
        raise _refuse(_("this must be one line"))
    return value


def _check_length(limit: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > limit:
            raise _refuse(_("this is longer than %(max)d characters") % {"max": limit})
        return value

    return AfterValidator(check)


def _check_range(low: float, high: float) -> AfterValidator:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise _refuse(_("this must be from %(low)s to %(high)s") % {"low": low, "high": high})
        return value

    return AfterValidator(check)


Title = Annotated[str, AfterValidator(_check_words), AfterValidator(_check_line), _check_length(MAX_TITLE)]
Summary = Annotated[str, AfterValidator(_check_words), _check_length(MAX_SUMMARY)]
Minutes = Annotated[int, _check_range(1, MAX_MINUTES)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CompletionTable(_Table):
    """When a learner has completed the course: `pass_share` is the part of the points that passes a unit."""

    rule: Literal["all-units"] = "all-units"
    pass_share: Annotated[float, _check_range(0, 1)] = 0.6


class CourseTable(_Table):
    """course.toml"""

    slug: Annotated[str, AfterValidator(_check_slug)]
    languages: Annotated[
        list[Annotated[str, AfterValidator(_check_language)]], AfterValidator(_check_languages)
    ]
    hours: Annotated[float, _check_range(0.1, MAX_HOURS)]
    level: Literal["introductory", "intermediate", "advanced"]
    skills: list[Annotated[str, AfterValidator(_check_skill)]] = []
    title: dict[str, Title]
    summary: dict[str, Summary]
    completion: CompletionTable = CompletionTable()


class ModuleTable(_Table):
    """module.toml"""

    title: dict[str, Title]


class UnitTable(_Table):
    """What every unit in a folder says of itself (lab.toml); the other keys are for its kind to check."""

    model_config = ConfigDict(extra="allow")

    title: dict[str, Title]
    minutes: Minutes | None = None
    optional: bool = False

    def settings(self) -> dict[str, Any]:
        """The keys that belong to the unit's kind."""
        return dict(self.model_extra or {})


class FrontMatter(_Table):
    """What may stand between `+++` lines at the head of a text in the course's first language."""

    minutes: Minutes | None = None
    optional: bool = False
