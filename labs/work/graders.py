"""Graders: named servers of a factory's grader account, which run the notebooks of labs that need a GPU."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.utils import timezone

from courses.models import Factory
from labs.exceptions import BoxUnavailableError, HubUnavailableError, LabError, StaleStateError
from labs.jupyterhub import HubClient, RemoteBox, RunnerClient, ServerToken
from labs.models import Grader, GradingRun, Hub, LabRelease, Submission
from labs.states import GradingStatus, SessionStatus
from labs.transitions import UNSENT, move_grader
from labs.work.connections import HubConnector, connect_hub, revoke_token

logger = logging.getLogger(__name__)

GRADING: Final[Mapping[str, object]] = {"kind": "grading"}
"""The options of a grader's server; the hub takes them from the grader account only, and nothing else from that."""

USELESS: Final = frozenset({"grader_silent", "grader_busy"})
"""What a run meets at a grader that its hub takes for a running one, and that serves nobody."""

TOKEN_SECONDS: Final = 600
RENEW_AFTER: Final = 300.0


def find_grading_factory(submission: Submission, release: LabRelease) -> Factory | None:
    """The factory whose grader runs this work: its cohort's, where the lab needs a GPU; else it is graded here."""
    if release.needs.get("gpus", 0) > 0:
        return submission.enrolment.cohort.factory
    return None


def find_ready_grader(factory: Factory) -> Grader | None:
    """The factory's grader, where it can be given work: none while its hub is down, which is asked for tokens."""
    ready = Grader.objects.filter(hub__factory=factory, hub__down_since=None, status=SessionStatus.READY)
    return ready.select_related("hub__factory").first()


def has_free_box(factory: Factory) -> bool:
    """Whether the factory's grader can take another run: workers on several hosts share its GRADER_BOXES."""
    running = GradingRun.objects.filter(factory=factory, status=GradingStatus.RUNNING)
    return find_ready_grader(factory) is not None and running.count() < settings.GRADER_BOXES


@contextmanager
def connect_grader(run: GradingRun, *, connect: HubConnector = connect_hub) -> Iterator[RemoteBox]:
    """Boxes of the factory's grader for one run; BoxUnavailableError where there is none that is ready.

    A grader that turns out to be useless is replaced, so that it does not use up the tries of all who wait.
    """
    grader = find_ready_grader(run.factory) if run.factory else None
    if grader is None:
        raise BoxUnavailableError("the factory has no grader now", reason="grader_lost")
    note_use(grader)
    line = GraderLine(grader, connect)
    try:
        yield RemoteBox(line.open)
    except BoxUnavailableError as error:
        if error.reason in USELESS:
            give_up(grader)
        raise
    finally:
        line.close()
        note_use(grader)


def note_use(grader: Grader) -> None:
    Grader.objects.filter(pk=grader.pk).update(used_at=timezone.now())


def give_up(grader: Grader) -> None:
    """Have a grader stopped; while its hub is down, nobody can say whose fault the silence is."""
    if Hub.objects.filter(pk=grader.hub_id, down_since=None).exists():
        logger.warning("grader %s serves nobody and is stopped", grader.server_name)
        with contextlib.suppress(StaleStateError):
            move_grader(grader, SessionStatus.STOPPING, reason="grader_lost", sent_at=UNSENT)


class GraderLine:
    """The way to one grader's server, by a token for that server alone, which is renewed and never kept.

    A run may take longer than a token lives, and longer than its hub does.
    """

    def __init__(
        self, grader: Grader, connect: HubConnector, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grader = grader
        self._connect = connect
        self._clock = clock
        self._token: ServerToken | None = None
        self._runner: RunnerClient | None = None
        self._renew_at = 0.0

    def open(self) -> RunnerClient:
        """The runner; HubUnavailableError where there is no token to be had, BoxUnavailableError where no grader is."""
        if not Grader.objects.filter(pk=self._grader.pk, status=SessionStatus.READY).exists():
            raise BoxUnavailableError("the grader has ended", reason="grader_lost")
        if self._runner is None or self._clock() >= self._renew_at:
            self._renew()
        if self._runner is None:
            raise HubUnavailableError("no token for the grader")
        return self._runner

    def close(self) -> None:
        """Leave nothing behind; a token that cannot be revoked ends by itself, and costs no run its result."""
        if self._runner is not None:
            self._runner.close()
        if self._token is not None:
            with contextlib.suppress(LabError), self._connect(self._grader.hub) as hub:
                revoke_token(hub, settings.GRADER_NAME, self._token.id)
        self._runner = self._token = None

    def _renew(self) -> None:
        try:
            with self._connect(self._grader.hub) as hub:
                token = self._mint(hub)
        except HubUnavailableError:
            # The token that there is lives for a while: a hub that is started anew ends no run.
            self._renew_at = self._clock() + 10
            return
        if self._runner is not None:
            self._runner.close()
        grader, name = self._grader, settings.GRADER_NAME
        self._token = token
        self._renew_at = self._clock() + RENEW_AFTER
        self._runner = RunnerClient(
            grader.hub.server_side_origin,
            f"/user/{name}/{grader.server_name}/",
            token.token,
            host=grader.hub.host_of(name),
        )

    def _mint(self, hub: HubClient) -> ServerToken:
        if self._token is not None:
            revoke_token(hub, settings.GRADER_NAME, self._token.id)
        return hub.create_server_token(
            settings.GRADER_NAME, self._grader.server_name, expires_in=TOKEN_SECONDS
        )
