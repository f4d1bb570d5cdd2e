"""What the hub's log says of a Slurm that does not answer: that it begins, that it lasts, that it is over."""

import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from deploy.jupyterhub.slurm.scheduler import SchedulerUnavailableError

Answer = TypeVar("Answer")
TOLD_EVERY: Final = timedelta(hours=1)


class Silence:
    """One line when it begins, one an hour, one at its end, and one when a further question has no answer."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._failed: dict[str, Exception] = {}  # in this round, by question
        self._told: set[str] = set()
        self._begun_at = self._told_at = datetime.min.replace(tzinfo=UTC)

    async def answer_or_none(self, question: Coroutine[Any, Any, Answer], about: str) -> Answer | None:
        """The answer, or None where there is none: also a fault of ours in reading it must not end the asking."""
        try:
            return await question
        except Exception as error:
            self._failed[about] = error
        return None

    def end_round(self, now: datetime) -> None:
        failed, self._failed = self._failed, {}
        if not failed and self._told:
            self._log.warning("Slurm answers again, after %d s", (now - self._begun_at).total_seconds())
            self._told.clear()
        if not failed or (failed.keys() <= self._told and now - self._told_at < TOLD_EVERY):
            return
        if not self._told:
            self._begun_at = now
        self._told |= failed.keys()
        self._told_at = now
        # What is no lack of an answer is a fault of ours, to be found by where it happened.
        ours = [error for error in failed.values() if not isinstance(error, SchedulerUnavailableError)]
        error = ours[0] if ours else next(iter(failed.values()))
        self._log.warning(
            "Slurm gives no answer about: %s (%s)",
            ", ".join(failed),
            error,
            exc_info=ours[0] if ours else None,
        )
