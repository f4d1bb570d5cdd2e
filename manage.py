#!/usr/bin/env python
"""Django's command line for Paja."""

import os
import sys

from django.core.management import execute_from_command_line

# What `make run` takes as well; anything else that is set says that this is a deployment.
OF_DEVELOPMENT = {"PAJA_DATA", "PAJA_PORT"}


def main() -> None:
    """Run a command; in a checkout for which nothing of a deployment is set, with the development defaults."""
    if not {name for name in os.environ if name.startswith("PAJA_")} - OF_DEVELOPMENT:
        os.environ["PAJA_DEVELOPMENT"] = "true"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
