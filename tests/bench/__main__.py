"""`make bench`: tables; exit status 1 where an aim was missed.

PAJA_BENCH_PART is sessions, grading or latency, all of them by default; PAJA_BENCH_SUBMISSIONS is for the second,
PAJA_BENCH_SECONDS for the third.
"""

import os
import subprocess
import sys

from tests.live.alone import own_folder, running_paja, say

PARTS = ("sessions", "grading", "latency")


def main() -> int:
    part = os.environ.get("PAJA_BENCH_PART", "")
    if part and part not in PARTS:
        sys.exit(f"PAJA_BENCH_PART is one of {', '.join(PARTS)}.")
    if part:
        return 0 if measure(part) else 1
    # Django is set up for one running Paja in each.
    command = [sys.executable, "-m", "tests.bench"]
    ended = []
    for name in PARTS:
        ended.append(
            subprocess.run(command, env={**os.environ, "PAJA_BENCH_PART": name}, check=False).returncode
        )
        say()
    return max(map(abs, ended))


def measure(part: str) -> bool:
    if part == "grading":
        from tests.bench import grading

        return grading.measure()
    if part == "latency":
        from tests.bench import latency

        return latency.measure()
    from tests.bench import session_start

    is_kept = session_start.measure()
    say()
    with own_folder("bench") as folder, running_paja(folder, {}) as stack:
        from tests.bench import overhead  # Django's models must be set up before

        return overhead.measure(stack) and is_kept


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
