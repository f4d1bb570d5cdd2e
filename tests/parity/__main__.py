"""Asks nbgrader for its marks.

python -m tests.parity record [ASSIGNMENT …]     keep them in tests/recorded/nbgrader
python -m tests.parity record-attacks [CASE …]   the same for the attacks of tests/notebooks
python -m tests.parity attacks                   print these beside what Paja gives
"""

import os
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    from tests.parity.attacks import make_table, record_attacks, refuse_without_root
    from tests.parity.recording import record

    match arguments:
        case ["record", *names]:
            with tempfile.TemporaryDirectory(prefix="paja-parity-") as folder:
                record(names, Path(folder))
        case ["record-attacks", *names]:
            refuse_without_root()
            record_attacks(names)
        case ["attacks"]:
            sys.stdout.writelines(make_table())
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_test")
    sys.exit(main(sys.argv[1:]))
