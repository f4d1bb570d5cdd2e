"""A kernel that is none of Python's and knows of interrupts by signal only: each cell is a run of the shell."""

import subprocess
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class ShellKernel(Kernel):
    implementation = "shell"
    implementation_version = "1"
    banner = "a shell"
    language_info = {"name": "bash", "mimetype": "text/x-sh", "file_extension": ".sh"}

    async def do_execute(self, code: str, *_: Any, **__: Any) -> dict[str, Any]:
        try:
            done = subprocess.run(["/bin/sh", "-c", code], capture_output=True, text=True, check=False)
        except KeyboardInterrupt:
            return self._fail("KeyboardInterrupt", "")
        for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
            if text:
                self.send_response(self.iopub_socket, "stream", {"name": name, "text": text})
        if done.returncode != 0:
            return self._fail("ShellError", f"status {done.returncode}")
        return {
            "status": "ok",
            "execution_count": self.execution_count,
            "payload": [],
            "user_expressions": {},
        }

    def _fail(self, name: str, value: str) -> dict[str, Any]:
        error = {"ename": name, "evalue": value, "traceback": [f"{name}: {value}"]}
        self.send_response(self.iopub_socket, "error", error)
        return {"status": "error", "execution_count": self.execution_count, **error}


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=ShellKernel)
