"""Starts the hub, in half the time: `python -m deploy.jupyterhub.hub -f …` takes what `jupyterhub` takes."""

import sys

if __name__ == "__main__":
    # Checks of IRIs in JSON schemas, which the hub's event log pulls in: building their grammar takes longer
    # than everything else together, and jsonschema does without.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from jupyterhub.app import main

    main()
