"""Graders: named servers of a factory's grader account, which run the notebooks of labs that need a GPU."""

from courses.models import Factory
from labs.models import LabRelease, Submission


def find_grading_factory(submission: Submission, release: LabRelease) -> Factory | None:
    """The factory whose grader runs this work: its cohort's, where the lab needs a GPU; else it is graded here."""
    if release.needs.get("gpus", 0) > 0:
        return submission.enrolment.cohort.factory
    return None
