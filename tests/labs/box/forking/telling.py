"""What a forked kernel and one that was started tell of themselves, as a program for whoever runs it; prints JSON.

python -m tests.labs.box.forking.telling LAB_PYTHON
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from labs.box import BoxEnvironment, BoxKernel, BoxLimits
from labs.box.forking import servers

FACTS = Path(__file__).with_name("facts.ipy").read_text()
LIMITS = BoxLimits(cell_seconds=60)


def tell_facts(environment: BoxEnvironment) -> dict[str, Any]:
    with BoxKernel(environment, LIMITS, files={"data.csv": b"1,2"}, variables={"COLOUR": "blue"}) as kernel:
        ran = kernel.run_cell(FACTS, seconds=60)
    if ran.is_error:
        raise RuntimeError(str(ran.outputs))
    facts: dict[str, Any] = json.loads("".join(str(output["text"]) for output in ran.outputs))
    return facts


def main(python: Path) -> None:
    environment = BoxEnvironment(python)
    if servers.find_server(environment) is None:
        sys.exit(f"no kernels are forked here: {servers.find_refusal(environment)}")
    forked = tell_facts(environment)
    servers.find_server = lambda _: None  # type: ignore[assignment]
    started = tell_facts(environment)
    sys.stdout.write(json.dumps({"uid": os.geteuid(), "forked": forked, "started": started}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
