"""The database of a development run: tables, demo, hubs. One process, as each start of Django takes a second.

Runs with the platform's environment and prints the demo accounts. Each command changes nothing where nothing
is new.
"""

import argparse
import sys

import django
from django.core.management import call_command


def prepare(*, is_slurm: bool, suffix: str) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_demo", stdout=sys.stderr)
    call_command("load_hubs", stdout=sys.stderr)
    if is_slurm:
        call_command("load_slurm_demo", suffix=suffix, stdout=sys.stderr)
    call_command("load_demo", accounts=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--slurm", action="store_true", help="sessions are jobs of the pretend Slurm")
    parser.add_argument("--suffix", default="", help="that of its Unix accounts")
    asked = parser.parse_args()
    django.setup()
    prepare(is_slurm=asked.slurm, suffix=asked.suffix)
