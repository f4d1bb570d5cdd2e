"""Whether a lab shows its learners tests, which they can have run before they submit."""

from functools import lru_cache

from labs.blobs import read_blob
from labs.exceptions import InvalidNotebookError
from labs.models import LabRelease
from labs.nbgrader.outlines import find_visible_tests


def has_visible_tests(release: LabRelease) -> bool:
    """Whether a cell that gives automatic points has a test in the learner's notebook."""
    try:
        return any(_shows_tests(release.learner_files[path]) for path in release.notebooks)
    except (FileNotFoundError, InvalidNotebookError):
        return False


@lru_cache(maxsize=1024)
def _shows_tests(digest: str) -> bool:
    """A blob says the same for ever."""
    return bool(find_visible_tests(read_blob(digest)))
