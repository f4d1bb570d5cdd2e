"""The secrets of a development installation: made once, each in a file that only its owner can read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def ensure_keys(folder: Path, factories: list[str]) -> dict[str, Path]:
    """The file of each secret by its name, made where it is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    makers: dict[str, Callable[[], str]] = {"secret_key": make_token, "oidc_key": make_signing_key}
    for factory in factories:
        for name in ("hub_token", "hub_oidc_secret", "proxy_token"):
            makers[f"{name}_{factory}"] = make_token
    return {name: ensure_key(folder / name, make) for name, make in makers.items()}


def ensure_key(path: Path, make: Callable[[], str]) -> Path:
    if not path.exists():
        # Under another name first: a key cut short by Ctrl-C would be believed for ever.
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        unfinished.rename(path)
    return path


def make_token() -> str:
    return secrets.token_hex(32)


def make_signing_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
