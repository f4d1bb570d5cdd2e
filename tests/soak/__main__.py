"""`make soak`: PAJA_SOAK_SECONDS, PAJA_SOAK_SESSIONS, PAJA_SOAK_SEED; exit status 1 where a rule was broken."""

import os
import secrets
import sys

from tests.live.alone import own_folder, running_paja, say

SNAPSHOT_SECONDS = 20


def main() -> int:
    seconds = float(os.environ.get("PAJA_SOAK_SECONDS", "600"))
    sessions = int(os.environ.get("PAJA_SOAK_SESSIONS", "40"))
    seed = os.environ.get("PAJA_SOAK_SEED") or secrets.token_hex(4)
    settings = {
        "PAJA_SNAPSHOT_SECONDS": str(SNAPSHOT_SECONDS),
        "PAJA_VISIT_SECONDS": str(SNAPSHOT_SECONDS),
    }
    say(
        f"Seed {seed}: {sessions} sessions, {seconds:.0f} s of faults, work copied every {SNAPSHOT_SECONDS} s."
    )
    has_held = False
    with own_folder("soak") as folder:
        folder.is_wanted = True
        with running_paja(folder, settings) as stack:
            from tests.soak.run import Plan, soak  # Django's models must be set up before

            has_held = soak(stack, Plan(seconds, sessions, seed, SNAPSHOT_SECONDS), folder.path / "soak.txt")
        for process in folder.left_running:
            say(f"Left running after Ctrl-C: {process}")
            has_held = False
        folder.is_wanted = not has_held
        say(f"Seed {seed}: {'kept every rule' if has_held else 'BROKEN'}.")
    return 0 if has_held else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
