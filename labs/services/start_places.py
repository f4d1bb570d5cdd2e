"""Where a start of a lab leads: the place that one press takes, and the others that can be chosen instead."""

from dataclasses import dataclass, replace

from courses.models import Enrolment
from labs.models import Flavour, Hub, LabRelease, LabSession
from labs.reasons import sentence_for
from labs.services.waiting_words import say_wait
from labs.work.choices import Choice, list_choices


@dataclass(frozen=True)
class StartPlaces:
    """`choices` are empty where the cohort's hub has no Slurm: then there is nothing to choose.

    `chosen` is what a press takes, None where nothing can be had.
    """

    hub: Hub | None
    choices: tuple[Choice, ...] = ()
    chosen: Choice | None = None

    @property
    def is_blocked(self) -> bool:
        return self.chosen is None and (bool(self.choices) or (self.hub is not None and self.hub.has_slurm))

    @property
    def refusal(self) -> str:
        """The sentence that says why nothing can be started; empty where something can."""
        if not self.is_blocked:
            return ""
        return sentence_for(self.choices[0].blocked_reason if self.choices else "no_place_for_lab")

    @property
    def are_several(self) -> bool:
        return len(self.choices) > 1 or (self.chosen is None and bool(self.choices))

    def without(self, flavour: Flavour | None) -> "StartPlaces":
        """Those beside the one in whose queue somebody stands already."""
        return replace(self, choices=tuple(each for each in self.choices if each.flavour != flavour))

    @property
    def version(self) -> tuple[object, ...]:
        """Changes when what is said of them does."""
        return tuple(
            (each.key, each.blocked_reason, each.opens_at, say_wait(each.expected_wait_seconds))
            for each in self.choices
        )


def find_start_places(
    enrolment: Enrolment,
    release: LabRelease,
    hub: Hub | None,
    wish: str = "",
    *,
    instead_of: LabSession | None = None,
) -> StartPlaces:
    """For a learner who starts a lab, perhaps instead of one that waits.

    `hub` is their cohort's, `wish` the key of what they chose before.
    """
    choices = tuple(list_choices(enrolment, release, instead_of=instead_of))
    open_choices = [each for each in choices if not each.blocked_reason]
    chosen = next((each for each in open_choices if each.key == wish), None)
    chosen = chosen or next((each for each in open_choices if each.is_recommended), None)
    return StartPlaces(chosen.hub if chosen else hub, choices, chosen)
