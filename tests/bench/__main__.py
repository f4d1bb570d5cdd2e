"""`make bench`: both tables; exit status 1 where an aim was missed."""

import sys

from tests.bench import session_start
from tests.live.alone import own_folder, running_paja, say


def main() -> int:
    is_kept = session_start.measure()
    say()
    with own_folder("bench") as folder, running_paja(folder, {}) as stack:
        from tests.bench.overhead import measure  # Django's models must be set up before

        is_kept &= measure(stack)
    return 0 if is_kept else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
