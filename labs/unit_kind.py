"""The unit kind `lab`, registered in `courses.unit_kinds`."""


def register_lab_kind() -> None:
    """Register it; called once, when Django starts."""
