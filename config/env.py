"""Reading the environment: loud on nonsense. A secret may also be named by a file, `NAME_FILE`."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def env_str(name: str, default: str) -> str:
    return os.environ.get(name, default)


def env_bool(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    try:
        return words[value.strip().lower()]
    except KeyError:
        raise ImproperlyConfigured(f"{name}={value!r}: say true or false.") from None


def env_int(name: str, *, default: int) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r}: say a whole number.") from None


def env_list(name: str, *, default: list[str]) -> list[str]:
    """Comma-separated."""
    value = os.environ.get(name)
    if value is None:
        return default
    return [part.strip() for part in value.split(",") if part.strip()]


def find_secret(name: str) -> str | None:
    """The value of NAME, or what stands in the file that NAME_FILE names."""
    value = os.environ.get(name)
    path = os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
    if path is None:
        return value
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE={path!r} cannot be read: {error.strerror}.") from None


def env_secret(name: str, *, development_default: str | None, development: bool) -> str:
    """A secret; the development default serves only in development."""
    value = find_secret(name)
    if value:
        return value
    if development and development_default is not None:
        return development_default
    raise ImproperlyConfigured(f"Set {name} or {name}_FILE: there is no default outside development.")


def env_secrets_by_suffix(prefix: str) -> dict[str, str]:
    """All secrets whose names begin with `prefix`, by the rest of the name in lower case."""
    suffixes = {
        name.removeprefix(prefix).removesuffix("_FILE") for name in os.environ if name.startswith(prefix)
    }
    return {
        suffix.lower().replace("_", "-"): find_secret(prefix + suffix) or "" for suffix in sorted(suffixes)
    }
