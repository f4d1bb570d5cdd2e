"""Parts of pages that depend on more than one value: `{% load course_parts %}`."""

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from courses.models import CourseRelease
from courses.texts import pick_text
from courses.unit_kinds import Panel

register = template.Library()


@register.simple_tag
def course_title(release: CourseRelease) -> SafeString:
    """The title of a release (its `texts` prefetched) in the reader's language, marked with its language."""
    text = pick_text(release.texts.all(), get_language() or "", release.source_language)
    return format_html('<span lang="{}">{}</span>', text.language, text.title)


@register.simple_tag(takes_context=True)
def show_panel(context: template.Context, panel: Panel) -> SafeString:
    """A part of the page that a kind of unit draws."""
    return render_to_string(panel.template, dict(panel.context), request=context["request"])
