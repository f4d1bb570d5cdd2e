"""nbgrader's autotests (`### AUTOTEST f(3)`), which run the author's code to write the tests: in the box.

Their templates (`autotests.yml`) are the author's too, and are rendered here, outside of it.
"""

from types import SimpleNamespace
from typing import Any, Final

from jinja2 import BaseLoader, StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbgrader.preprocessors import InstantiateTests, instantiatetests

from labs.box import BoxEnvironment, BoxKernel, BoxLimits
from labs.box.kernelspecs import choose_kernel

AUTOTEST: Final = "AUTOTEST"
PLAIN_NODES: Final = (nodes.Output, nodes.TemplateData, nodes.Name)
KERNELS: Final = frozenset(InstantiateTests().comment_strs) & frozenset(InstantiateTests().sanitizers)


class PlainEnvironment(SandboxedEnvironment):
    """Templates that put values into text, `{{ snippet }}`, and can do nothing else: nothing calls, loops or grows.

    Jinja's own environment, which nbgrader takes, lets a template run any Python in the process that renders it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, undefined=StrictUndefined)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for node in template.find_all(nodes.Node):
            if not isinstance(node, PLAIN_NODES):
                raise SecurityError(f"a template of autotests may not use {type(node).__name__}")
        return template


# nbgrader makes its environments by this name of its module.
instantiatetests.j2 = SimpleNamespace(Environment=PlainEnvironment, BaseLoader=BaseLoader)


class BoxedInstantiateTests(InstantiateTests):
    """nbgrader's preprocessor with its kernel exchanged for one in a box."""

    def __init__(self, environment: BoxEnvironment, limits: BoxLimits, files: dict[str, bytes]) -> None:
        super().__init__()
        self._environment = environment
        self._limits = limits
        self._files = files
        self._kernel: BoxKernel | None = None

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises ValueError for a kernel that nbgrader has no autotests for, else what nbgrader raises."""
        if not any(cell.cell_type == "code" and self.autotest_delimiter in cell.source for cell in nb.cells):
            return nb, resources
        name = nb.metadata.get("kernelspec", {}).get("name", "")
        if name not in KERNELS:
            raise ValueError(f"autotests know no kernel called {name!r}")
        if self.autotest_filename not in self._files:
            raise ValueError(f"there are autotests, but no file {self.autotest_filename}")
        resources["kernel_name"] = name
        self._load_test_template_file(resources)
        self.global_tests_loaded = True
        self.sanitizer = self.sanitizers[name]
        kernel = choose_kernel(self._environment, nb.metadata)
        with BoxKernel(
            self._environment, self._limits, files=self._files, variables={}, kernel=kernel
        ) as self._kernel:
            # Past InstantiateTests.preprocess, which would start a kernel of its own, to the loop over the cells.
            done: tuple[NotebookNode, dict[str, Any]] = super(InstantiateTests, self).preprocess(
                nb, resources
            )
            return done

    def _execute_code_snippet(self, code: str) -> str | None:
        assert self._kernel is not None  # noqa: S101 (only called from within preprocess)
        if not code.strip():
            return None
        run = self._kernel.run_cell(code, seconds=self._limits.cell_seconds)
        result = None
        for output in run.outputs:
            if output["output_type"] == "error":
                lines = output["traceback"] if isinstance(output["traceback"], list) else []
                raise CellExecutionError("\n".join(lines), str(output["ename"]), str(output["evalue"]))
            data = output.get("data")
            if isinstance(data, dict) and "text/plain" in data:
                result = self.sanitizer(str(data["text/plain"]))
        return result
