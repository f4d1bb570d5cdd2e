"""The data of labs."""

from labs.models.drafts import LabDraft, LabDraftEvent
from labs.models.factories import Hub, HubOutage, SignOut
from labs.models.grading import (
    CellGrade,
    Feedback,
    Grader,
    GraderEvent,
    GradingPause,
    GradingRun,
    GradingRunEvent,
    ScoreChange,
)
from labs.models.releases import Lab, LabRelease, LabUnit
from labs.models.sessions import LabSession, LabSessionEvent
from labs.models.submissions import Submission, SubmissionEvent
from labs.models.workspaces import Snapshot, Workspace

__all__ = [
    "CellGrade",
    "Feedback",
    "Grader",
    "GraderEvent",
    "GradingPause",
    "GradingRun",
    "GradingRunEvent",
    "Hub",
    "HubOutage",
    "Lab",
    "LabDraft",
    "LabDraftEvent",
    "LabRelease",
    "LabSession",
    "LabSessionEvent",
    "LabUnit",
    "ScoreChange",
    "SignOut",
    "Snapshot",
    "Submission",
    "SubmissionEvent",
    "Workspace",
]
