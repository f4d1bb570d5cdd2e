"""People who use a running Paja without a screen: cookies and forms, no scripts."""

import itertools
import re
from uuid import UUID, uuid4

import httpx
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from courses.models import Cohort, CourseRelease, Enrolment, Factory, User
from courses.services import enrolments
from labs.blobs import hash_files, store_files
from labs.models import Lab, Snapshot
from tests.factories.courses import CohortFactory
from tests.factories.labs import SnapshotFactory
from tests.live.stack import Stack
from tests.servers.hub import LoopbackTransport

PASSWORD = "a-long-password-2026"
numbers = itertools.count(1)


def make_person(name: str) -> User:
    """An account with a confirmed address, such as ada-1@example.org."""
    email = f"{name.lower()}-{next(numbers)}@example.org"
    user = User.objects.create_user(email, PASSWORD, full_name=name)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_learner(cohort: Cohort, name: str = "Ada") -> Enrolment:
    """Somebody new, enrolled in the cohort."""
    person = make_person(name)
    return enrolments.enrol(cohort, person, actor=person)


def make_cohort(release_id: int, factory: str = "kajaani") -> Cohort:
    """A cohort of that release at a factory."""
    release = CourseRelease.objects.get(pk=release_id)
    cohort: Cohort = CohortFactory.create(release=release, factory=Factory.objects.get(slug=factory))
    return cohort


def sign_in(user: User) -> str:
    """The key of a new session of theirs: to check the passwords of hundreds of people would take minutes."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def save_work(enrolment: Enrolment, lab: Lab, files: dict[str, bytes]) -> Snapshot:
    """Work in a lab as an earlier session would have left it."""
    digests = store_files(files)
    return SnapshotFactory.create(
        workspace__owner=enrolment.learner,
        workspace__lab=lab,
        files=digests,
        content_hash=hash_files(digests),
    )


class Visitor:
    """A person who is logged in. Redirects are not followed: a test sees where they lead.

    Their cookies go where a browser's would, so that they can `roam` to the hubs and to learners' servers.
    """

    def __init__(self, stack: Stack, email: str, password: str = PASSWORD) -> None:
        self.client = httpx.Client(base_url=stack.url, transport=LoopbackTransport(), timeout=30)
        self.get("/accounts/login/")
        answer = self.press("/accounts/login/", login=email, password=password)
        assert answer.status_code == 302, f"{email} could not log in: {answer.status_code}"

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def read(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code in {200, 286}, f"{path}: {answer.status_code}"
        return answer.text

    def press(self, path: str, **fields: str) -> httpx.Response:
        token = self.client.cookies["paja_csrf"]
        return self.client.post(path, data={**fields, "csrfmiddlewaretoken": token})

    def send_file(self, path: str, name: str, content: bytes) -> httpx.Response:
        """Hand in a notebook file at a lab's form."""
        token = self.client.cookies["paja_csrf"]
        fields = {"press_key": str(uuid4()), "csrfmiddlewaretoken": token}
        return self.client.post(path, data=fields, files={"notebooks": (name, content)})

    def roam(self, url: str) -> httpx.Response:
        """Where an address leads in the end, at Paja, at a hub or at a learner's server."""
        return self.client.get(url, follow_redirects=True)

    def renew_api_token(self) -> str:
        """A new key for programs, which the settings page shows once."""
        shown = self.press("/settings/token/")
        found = re.search(r"\b[0-9a-f]{40}\b", shown.text or self.read("/settings/"))
        assert found, "the settings page shows the new key"
        return found[0]

    @property
    def session_key(self) -> str:
        return self.client.cookies["paja_session"]


def find_id(path: str) -> UUID:
    """The UUID in an address."""
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", path)
    assert found, path
    return UUID(found[0])
