"""ServerClient: a learner's own server beyond its files. As with them, the learner controls what answers."""

from collections.abc import Mapping
from typing import Final

from labs.exceptions import ServerAnswerError
from labs.jupyterhub.contents import ContentsClient
from labs.jupyterhub.wire import KernelModel, WrongShapeError, as_list

MAX_KERNELS: Final = 100
KERNELS_BYTES: Final = 128 * 1024  # about 250 bytes a kernel
NOTICE_ANSWER_BYTES: Final = 4 * 1024


class ServerClient(ContentsClient):
    """One session: its files, what its kernels do, and the notice that its JupyterLab shows."""

    def list_kernels(self) -> list[KernelModel]:
        """The kernels that run; more than MAX_KERNELS raise ServerAnswerError (`too_many_kernels`)."""
        answer = self._ask("GET", "/api/kernels", max_bytes=KERNELS_BYTES)
        try:
            wires = as_list(self._read(answer))
            if len(wires) > MAX_KERNELS:
                raise ServerAnswerError(f"more than {MAX_KERNELS} kernels", reason="too_many_kernels")
            return [KernelModel.from_wire(wire) for wire in wires]
        except WrongShapeError as error:
            raise ServerAnswerError(str(error)) from error

    def put_notice(self, notice: Mapping[str, object]) -> None:
        """Give JupyterLab what it shows of Paja, in place of what it showed before (deploy/jupyterhub/learner)."""
        answer = self._ask("PUT", "/paja/notice", json=dict(notice), max_bytes=NOTICE_ANSWER_BYTES)
        if answer.status != 204:
            raise ServerAnswerError(f"PUT notice: {answer.status}", reason="notice_refused")
