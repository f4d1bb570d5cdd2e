"""The kinds of unit that courses itself has: reading and quiz."""


def register_kinds() -> None:
    """Register them; called once, when Django starts."""
