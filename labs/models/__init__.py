"""The data of labs."""

from labs.models.accounts import AccountLease, FactoryAccount, FactoryAccountEvent
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
from labs.models.jobs import SlurmJob
from labs.models.partitions import AccountKind, Allocation, AllocationChange, Flavour, Partition
from labs.models.releases import Lab, LabRelease, LabUnit
from labs.models.sessions import LabSession, LabSessionEvent
from labs.models.submissions import Submission, SubmissionEvent
from labs.models.workspaces import Snapshot, Workspace

__all__ = [
    "AccountKind",
    "AccountLease",
    "Allocation",
    "AllocationChange",
    "CellGrade",
    "FactoryAccount",
    "FactoryAccountEvent",
    "Feedback",
    "Flavour",
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
    "Partition",
    "ScoreChange",
    "SignOut",
    "SlurmJob",
    "Snapshot",
    "Submission",
    "SubmissionEvent",
    "Workspace",
]
