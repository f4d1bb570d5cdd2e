"""The data of labs."""

from labs.models.factories import Hub
from labs.models.grading import CellGrade, Feedback, GradingRun, GradingRunEvent
from labs.models.releases import Lab, LabRelease, LabUnit
from labs.models.sessions import LabSession, LabSessionEvent, Snapshot
from labs.models.submissions import Submission, SubmissionEvent

__all__ = [
    "CellGrade",
    "Feedback",
    "GradingRun",
    "GradingRunEvent",
    "Hub",
    "Lab",
    "LabRelease",
    "LabSession",
    "LabSessionEvent",
    "LabUnit",
    "Snapshot",
    "Submission",
    "SubmissionEvent",
]
