"""The database of a development run: tables, demo, hubs. One process, as each start of Django takes a second.

Runs with the platform's environment and prints the demo accounts. Each command changes nothing where nothing
is new.
"""

import sys

import django
from django.core.management import call_command


def prepare() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_demo", stdout=sys.stderr)
    call_command("load_hubs", stdout=sys.stderr)
    call_command("load_demo", accounts=True)


if __name__ == "__main__":
    django.setup()
    prepare()
