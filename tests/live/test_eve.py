"""Eve learns in Ada's cohort and has a server of her own. What she tries on Ada, and to start servers.

She holds every key that she can get: see eves_keys.py. What she tries in a browser is in tests/journeys/test_eve.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from labs.models import LabSession, Snapshot, Submission
from labs.states import SessionStatus
from tests.live import small_course
from tests.live.eves_keys import (
    Keys,
    assert_alive,
    find_keys,
    hub_attempts,
    inner_address,
    is_refused,
    list_servers,
    server_attempts,
)
from tests.live.sessions import AtWork
from tests.live.stack import Stack
from tests.live.taken_over import take_over
from tests.live.waiting import wait_until
from tests.servers.hub import LoopbackTransport

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("stack"), pytest.mark.usefixtures("rows")]


@pytest.fixture(scope="module")
def ada(at_work: dict[str, AtWork]) -> AtWork:
    return at_work["ada"]


@pytest.fixture(scope="module")
def eve(at_work: dict[str, AtWork]) -> AtWork:
    return at_work["eve"]


# --- Paja: pages and API ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Belongings:
    """What of Ada's has an address."""

    session: LabSession
    snapshot: Snapshot
    submission: Submission


@pytest.fixture(scope="module")
def belongings(stack: Stack, ada: AtWork) -> Belongings:
    """A press of *Submit* makes a snapshot and a submission."""
    submit = reverse("labs:submit", args=[ada.enrolment.cohort.public_id, small_course.LAB])
    ada.visitor.press(submit, press_key=str(uuid4()))
    with stack.database():
        snapshots = Snapshot.objects.filter(workspace=ada.session.workspace)
        snapshot = wait_until(snapshots.first, "the work is collected")
        return Belongings(ada.session, snapshot, Submission.objects.get(enrolment=ada.enrolment))


def test_every_address_of_adas_is_a_404_for_eve(ada: AtWork, eve: AtWork, belongings: Belongings) -> None:
    """By her browser and by her API token, read and pressed; an address with Ada's own visitor is there."""
    key = eve.visitor.renew_api_token()
    program = httpx.Client(
        base_url=eve.visitor.client.base_url,
        transport=LoopbackTransport(),
        headers={"Authorization": f"Token {key}"},
    )
    events = list(ada.session.events.values_list("pk", flat=True))
    paths = list(addresses_of(belongings, eve))
    assert len(paths) > 8

    reached = [path for path in paths if ada.visitor.get(path).status_code in {200, 286, 302}]
    assert len(reached) > len(paths) / 3, "the addresses are Ada's own"
    answers = {
        (by, method, path): answer.status_code
        for path in paths
        for by, method, answer in (
            ("browser", "GET", eve.visitor.get(path)),
            ("browser", "POST", eve.visitor.press(path)),
            ("program", "GET", program.get(path)),
            ("program", "POST", program.post(path, json={})),
        )
    }
    # A program without a session is asked to log in where a page is; nowhere is it let in.
    assert {key: status for key, status in answers.items() if not is_shut(key, status)} == {}

    ada.session.refresh_from_db()
    assert ada.session.status == SessionStatus.READY
    assert list(ada.session.events.values_list("pk", flat=True)) == events


def is_shut(key: tuple[str, str, str], status: int) -> bool:
    by, _method, path = key
    is_page = not path.startswith("/api/")
    if by == "program" and is_page:
        return status in {302, 403, 404, 405}  # not logged in; a press without its token against forgery
    return status in {404, 405, 415}  # the last two for a method that the address does not have


def addresses_of(belongings: Belongings, eve: AtWork) -> Iterator[str]:
    """Every address of labs that names something of Ada's; cohort and unit in it are as much Eve's."""
    values: dict[str, object] = {
        "session_id": belongings.session.public_id,
        "server_name": belongings.session.server_name,
        "submission_id": belongings.submission.public_id,
        "snapshot_id": belongings.snapshot.public_id,
        "path": small_course.NOTEBOOK,
        "cohort_id": eve.enrolment.cohort.public_id,
        "unit_slug": small_course.LAB,
    }
    objects = {
        "labs-api:session": belongings.session.public_id,
        "labs-api:submission": belongings.submission.public_id,
    }
    for name, parameters in walk(get_resolver()):
        own = {**values, "id": objects.get(name.rpartition("-")[0], "")}
        if name.startswith("labs") and parameters & {
            "session_id",
            "server_name",
            "submission_id",
            "snapshot_id",
            "id",
        }:
            assert parameters <= own.keys(), f"{name}: this test does not know {parameters - own.keys()}"
            yield reverse(name, kwargs={key: own[key] for key in parameters})


def walk(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, set[str]]]:
    """The full name of every address and what it takes."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", set(pattern.pattern.converters)
        else:
            yield from walk(pattern, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)


def test_eves_lists_have_nothing_of_adas(ada: AtWork, eve: AtWork, belongings: Belongings) -> None:
    secrets = (
        ada.hub_name,
        ada.session.server_name,
        ada.enrolment.learner.email,
        *map(str, (belongings.session.public_id, belongings.submission.public_id)),
    )
    lists = ["/", "/api/v1/sessions/", "/api/v1/submissions/", "/api/v1/enrolments/", "/api/v1/cohorts/"]
    lists.append(reverse("courses:unit", args=[eve.enrolment.cohort.public_id, small_course.LAB]))
    for path in lists:
        shown = eve.visitor.read(path)
        assert not [secret for secret in secrets if secret in shown], path


def test_pressing_start_again_makes_no_second_session(eve: AtWork) -> None:
    cohort = str(eve.enrolment.cohort.public_id)
    with httpx.Client(base_url=eve.visitor.client.base_url, transport=LoopbackTransport()) as program:
        answer = program.post(
            "/api/v1/sessions/",
            json={"cohort": cohort, "unit": small_course.LAB},
            headers={"Authorization": f"Token {eve.visitor.renew_api_token()}"},
        )
    assert (answer.status_code, answer.json()["id"]) == (202, str(eve.session.public_id))
    assert LabSession.objects.filter(learner=eve.session.learner).count() == 1


# --- The factory: every key, everywhere --------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(stack: Stack, eve: AtWork) -> Keys:
    return find_keys(stack, eve)


def test_no_key_of_eves_starts_stops_or_mints_anything_at_the_hub(
    stack: Stack, ada: AtWork, eve: AtWork, keys: Keys
) -> None:
    hub = stack.place.hubs[0]
    before = list_servers(eve)
    doors = (
        hub.origin,
        f"http://127.0.0.1:{hub.hub_port}",
    )  # a server shares the loopback with hub and proxy
    assert {
        (name, method, path, answer.status_code)
        for name, ask in keys.asks()
        for door in doors
        for method, path in hub_attempts(ada, eve)
        if not is_refused(answer := ask(method, f"{door}/hub/api/{path}"))
    } == set()
    assert list_servers(eve) == before
    assert_alive(keys, hub.origin)


def test_no_key_of_eves_opens_adas_server(stack: Stack, ada: AtWork, eve: AtWork, keys: Keys) -> None:
    doors = (ada.lab_url, inner_address(stack, ada))
    assert {
        (name, method, path, answer.status_code)
        for name, ask in keys.asks()
        for door in doors
        for method, path in server_attempts(ada)
        if not is_refused(answer := ask(method, f"{door}{path}"))
    } == set()
    assert ada.visitor.roam(f"{ada.lab_url}lab").status_code == 200, "Ada herself comes in"
    assert is_refused(eve.visitor.roam(f"{ada.lab_url}lab"))


def test_no_key_of_eves_moves_the_proxys_routes(stack: Stack, eve: AtWork, keys: Keys) -> None:
    hub = stack.place.hubs[0]
    door = f"http://127.0.0.1:{hub.proxy_api_port}/api/routes"
    for name, ask in keys.asks():
        for method in ("GET", "POST", "DELETE"):
            assert is_refused(ask(method, f"{door}/user/{eve.hub_name}")), name


def test_the_token_of_a_visit_reaches_one_server_for_minutes_and_nothing_else(
    stack: Stack, ada: AtWork, eve: AtWork, keys: Keys
) -> None:
    """Eve's program sees the token with which Paja looks at her server, and keeps Paja waiting to use it."""
    hub = stack.place.hubs[0]
    before = list_servers(eve)
    taken = take_over(stack, eve.session)
    taken.answer("drip")
    LabSession.objects.filter(pk=eve.session.pk).update(visited_at=None)
    eve.visitor.read(reverse("labs:session-status", args=[eve.session.public_id]))
    token = wait_until(lambda: taken.tokens, "Paja looks at Eve's server")[-1]
    visit = Keys({"the visit's token": token}, httpx.Client())

    whose = httpx.get(
        f"http://127.0.0.1:{hub.hub_port}/hub/api/user", headers={"Authorization": f"token {token}"}
    )
    assert whose.status_code == 200, "the token is alive"
    scopes = {scope for scope in whose.json()["scopes"] if not scope.startswith("read:")}
    assert scopes == {f"access:servers!server={eve.hub_name}/{eve.session.server_name}"}

    reached = {
        (name, method, url, answer.status_code)
        for name, ask in visit.asks()
        for method, url in (
            *((method, f"{hub.origin}/hub/api/{path}") for method, path in hub_attempts(ada, eve)),
            *((method, f"{ada.lab_url}{path}") for method, path in server_attempts(ada)),
            *((method, f"http://127.0.0.1:{hub.proxy_api_port}/api/routes/x") for method in ("GET", "POST")),
            *(("GET", f"{stack.url}{path}") for path in ("/api/v1/sessions/", "/api/v1/enrolments/")),
        )
        if not is_refused(answer := ask(method, url))
    }
    assert reached == set()
    assert list_servers(eve) == before

    taken.answer("page")
    wait_until(
        lambda: (
            httpx.get(
                f"http://127.0.0.1:{hub.hub_port}/hub/api/user", headers={"Authorization": f"token {token}"}
            ).status_code
            == 403
        ),
        "the token of the visit is revoked",
    )
