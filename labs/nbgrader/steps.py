"""nbgrader's steps that ask its gradebook or check a schema, made to ask what the process keeps of the release."""

import json
from typing import Any, Final

import jsonschema
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, SchemaTooOldError
from nbgrader.nbgraderformat.common import BaseMetadataValidator
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells

from labs.nbgrader.gradebook import KeptNotebook, Marks

# A grading run has one learner; who it is, is none of nbgrader's business.
LEARNER: Final = "learner"


class RestoreCells(OverwriteCells):
    """nbgrader's `OverwriteCells`, which opens its gradebook in `preprocess` only."""

    def __init__(self, kept: KeptNotebook) -> None:
        super().__init__()
        self.gradebook = kept
        self.notebook_id = self.assignment_id = ""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        done: tuple[NotebookNode, dict[str, Any]] = NbGraderPreprocessor.preprocess(self, nb, resources)
        return done


def restore_kernelspec(notebook: NotebookNode, kept: KeptNotebook) -> None:
    """As nbgrader's `OverwriteKernelspec`."""
    kernelspec = json.loads(kept.kernelspec) if kept.kernelspec else None
    if kernelspec:
        notebook.metadata["kernelspec"] = kernelspec


def assign_late_penalty(marks: Marks, *, method: str, late_seconds: float) -> None:
    """As nbgrader's `AssignLatePenalties`, by its own penalty methods: never below 0 nor above the score."""
    marks.late_penalty = 0.0
    if late_seconds > 0:
        plugin = LateSubmissionPlugin(penalty_method=method)
        penalty = plugin.late_submission_penalty(LEARNER, marks.score, late_seconds)
        marks.late_penalty = min(max(0.0, float(penalty or 0)), marks.score)


class _CheckedSchema(BaseMetadataValidator):
    """nbgrader's look at the schema without a look at the schema's own schema, which takes four times as long."""

    def __init__(self) -> None:
        super().__init__()
        validator = jsonschema.validators.validator_for(self.schema)
        validator.check_schema(self.schema)
        self._validator = validator(self.schema)

    def validate_cell(self, cell: NotebookNode) -> None:
        if "nbgrader" not in cell.metadata:
            return
        version = cell.metadata["nbgrader"].get("schema_version", 0)
        if version != self.schema_version:
            kind = SchemaTooOldError if version < self.schema_version else SchemaTooNewError
            raise kind("nbgrader's metadata is of another schema", version, self.schema_version)
        self._validator.validate(cell.metadata["nbgrader"])


class _MetadataValidator(MetadataValidator, _CheckedSchema):
    pass


_VALIDATOR: Final = _MetadataValidator()


def check_metadata(notebook: NotebookNode) -> None:
    """As nbgrader's `CheckCellMetadata`. Raises what that raises."""
    _VALIDATOR.validate_nb(notebook)
