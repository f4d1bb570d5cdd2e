"""The form for a notebook file: what it says, and that a refusal stands beside it."""

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.bodies import DRAINED
from labs.models import LabUnit, Submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.services.uploads import BODY_BYTES
from tests.labs.released import write_cell, write_notebook

pytestmark = pytest.mark.django_db

NOTEBOOK = write_notebook(write_cell("mean", "mean = 2"))


def send(client: Client, address: str, *contents: bytes, key: str = "") -> Any:
    files = [SimpleUploadedFile(f"lab{number or ''}.ipynb", each) for number, each in enumerate(contents)]
    return client.post(
        f"{address}upload", {"press_key": key or str(uuid4()), "notebooks": files}, follow=True
    )


def test_a_file_is_handed_in_without_a_session_and_leads_to_its_page(as_ada: Client, address: str) -> None:
    answer = as_ada.post(
        f"{address}upload",
        {"press_key": str(uuid4()), "notebooks": SimpleUploadedFile("lab.ipynb", NOTEBOOK)},
    )
    submission = Submission.objects.get()
    assert answer["Location"] == f"/labs/submissions/{submission.public_id}/"
    assert submission.source == Submission.Source.UPLOAD


def test_the_key_of_the_form_is_one_press(as_ada: Client, address: str) -> None:
    key = str(as_ada.get(address).context["upload"].press_key)
    for content in (NOTEBOOK, write_notebook(write_cell("mean", "mean = 3"))):
        send(as_ada, address, content, key=key)
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ((), "Choose a notebook file first."),
        ((b"not JSON",), "This file is not a notebook"),
        ((NOTEBOOK, NOTEBOOK), "more files than the lab has notebooks"),
    ],
)
def test_a_refusal_stands_at_the_form_which_is_open(
    as_ada: Client, address: str, contents: tuple[bytes, ...], words: str
) -> None:
    response = send(as_ada, address, *contents)
    page = response.content.decode()
    assert words in page
    assert '<details id="lab-upload" class="more mt-3" open>' in page
    assert not Submission.objects.exists()


@pytest.mark.parametrize("reason", ["", "nonsense", "<script>", "../x", "grading_failed"])
def test_an_address_makes_the_form_say_nothing_that_paja_does_not_know(
    as_ada: Client, address: str, reason: str
) -> None:
    page = as_ada.get(address, {"refused": reason}).content.decode()
    assert '<details id="lab-upload" class="more mt-3">' in page


@pytest.mark.parametrize("key", ["", "no-key"])
def test_without_a_key_it_is_a_bad_request(as_ada: Client, address: str, key: str) -> None:
    assert as_ada.post(f"{address}upload", {"press_key": key}).status_code == 400


def test_the_form_names_the_notebooks_of_the_lab(as_ada: Client, address: str, lab_unit: LabUnit) -> None:
    assert "<code>lab.ipynb</code>" in as_ada.get(address).content.decode()
    lab_unit.release.learner_files = dict.fromkeys(["b.ipynb", "a.ipynb", "data.csv"], "1" * 64)
    lab_unit.release.save()
    page = as_ada.get(address).content.decode()
    assert "<code>a.ipynb</code>, <code>b.ipynb</code>" in page
    assert " multiple" in page


def test_the_form_is_no_part_of_what_is_drawn_anew(as_ada: Client, address: str) -> None:
    """Somebody may be choosing a file."""
    assert "lab-upload" not in as_ada.get(f"{address}lab").content.decode()


def test_a_body_that_is_too_large_is_refused_by_its_length(as_ada: Client, address: str) -> None:
    answer = as_ada.post(
        f"{address}upload",
        b"",
        content_type="multipart/form-data; boundary=x",
        headers={"content-length": str(max(BODY_BYTES, DRAINED) + 1)},
    )
    assert answer.status_code == 413
    assert "too large" in answer.content.decode()


def test_an_upload_that_is_larger_than_a_form_gets_to_its_own_check(as_ada: Client, address: str) -> None:
    """And is told at the form."""
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE < MAX_NOTEBOOK_BYTES < BODY_BYTES
    response = send(as_ada, address, b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1))
    assert "This file is not a notebook" in response.content.decode()
