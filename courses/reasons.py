"""What a `reason` says to a person: the one place where refusals become sentences."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_SENTENCES: Final[Mapping[str, Promise]] = {
    "over": _("This cohort has ended, so it takes in nobody new."),
    "needs_code": _("This cohort is joined with a code from its instructors."),
    "needs_approval": _("This cohort is joined by approval. Please ask its instructors."),
    "needs_invitation": _("This cohort is joined by invitation."),
    "completed": _("You have completed this course, so there is nothing to withdraw from."),
    "not_started": _("This cohort has not started yet. Its units open on the day it starts."),
    "unanswered": _("Answer at least one question first."),
}


def sentence_for(reason: str) -> str:
    """The sentence for a reason; an unknown reason gets one that is always true."""
    return str(_SENTENCES.get(reason, _("That did not work. Please try again.")))
