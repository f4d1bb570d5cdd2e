"""From *Submit* to the mark on the page: one submission a second for a minute, in a running Paja over HTTP.

Everybody has nbgrader's example solved in an earlier session and the lab's page open. The page that a press leads to
asks for itself again as it does in a browser, until the mark stands on it. The cells of these submissions take
hundredths of a second, which are not taken off.
"""

import os
from collections.abc import Iterator, Sequence

from tests.bench.machine import Press, find_spread, keep_to_two_cores
from tests.live.alone import own_folder, running_paja, say

MEDIAN, MOST = 2.0, 5.0
PHASES = ("collected", "queued", "prepared", "executed", "scored", "rendered", "recorded", "shown")
TOTAL = "from Submit to the mark on the page"


def measure() -> bool:
    """Say the table; whether both aims were kept."""
    seconds = int(os.environ.get("PAJA_BENCH_SECONDS", "60"))
    keep_to_two_cores()
    with own_folder("bench") as folder, running_paja(folder, {}) as stack:
        from tests.bench.presses import hand_in_each_second  # Django's models must be set up before

        presses = hand_in_each_second(stack, seconds)
    say(
        f"One submission a second for {seconds} s, two notebooks each, on two cores, load {os.getloadavg()[0]:.1f}\n"
    )
    for line in tell_phases(presses):
        say(line)
    faults = [press.fault for press in presses if press.fault]
    for fault in faults:
        say(f"NO MARK {fault}")
    median, most = find_spread([press.seconds for press in presses])
    is_kept = median < MEDIAN and most < MOST and not faults
    say(
        f"{TOTAL}: median {median:.2f} s (under {MEDIAN:.0f}), 95 of 100 within {most:.2f} s (under {MOST:.0f}): "
        f"{'kept' if is_kept else 'MISSED'}"
    )
    return is_kept


def tell_phases(presses: Sequence[Press]) -> Iterator[str]:
    yield f"{'seconds':<44}{'median':>10}{'95 of 100':>12}{'longest':>12}"
    columns = {phase: [press.phases.get(phase, 0.0) for press in presses] for phase in PHASES}
    for name, column in (columns | {TOTAL: [press.seconds for press in presses]}).items():
        median, most = find_spread(column)
        yield f"{name:<44}{median:>10.3f}{most:>12.3f}{max(column):>12.3f}"
