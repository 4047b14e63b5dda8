"""Passwords as argon2 hashes, by pwdlib (extra ``passwords``)."""

import re
from functools import cache
from secrets import token_bytes
from typing import TYPE_CHECKING

from .errors import ArgumentError, ConfigurationError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

_ARGON2 = re.compile(r"\$argon2(?:id|i|d)(?:\$v=[0-9]+)?\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$[!-~]+")
_MOST = 4  # times our own costs: a hash that was loaded may name any, and a login would take as long
_MISSING = "passwords are hashed by pwdlib: pip install 'procurement-domain[passwords]'"


def hash_password(password: str) -> str:
    """The hash to store. It takes tens of milliseconds: hash before a session has locked anything.

    Raises:
        ArgumentError: the password is empty.
        ConfigurationError: the extra ``passwords`` is not installed.
    """
    if not password:
        raise ArgumentError("a password has at least one character")
    hasher, _ = argon2_hasher()
    return hasher.hash(_encoded(password))


def verify_password(password: str, hashed_password: str | None) -> tuple[bool, str | None]:
    """Tell if the hash is the password's; with a new hash to store, where the parameters have changed since.

    Without a hash, or with one of another algorithm, or one that costs far more than ours do, it is never the
    password's, and takes as long to tell.
    """
    hasher, of_nothing = argon2_hasher()
    hashed = hashed_password or ""
    costs = _costs_of(hashed)
    if not costs or any(cost > _MOST * ours for cost, ours in zip(costs, _costs_of(of_nothing), strict=True)):
        hashed = of_nothing
    return hasher.verify_and_update(_encoded(password), hashed)


def _costs_of(hashed: str) -> list[int]:
    """Memory, passes and threads, as the hash itself names them; nothing where it is none of argon2's."""
    found = _ARGON2.fullmatch(hashed)
    return [int(cost) for cost in found.groups()] if found else []


def _encoded(password: str) -> bytes:
    return password.encode(errors="surrogatepass")  # or half a surrogate pair would raise an error that holds it


@cache
def argon2_hasher() -> "tuple[PasswordHash, str]":
    """The hasher, and a hash that no password has."""
    try:
        from pwdlib import PasswordHash
        from pwdlib.exceptions import HasherNotAvailable
    except ImportError:
        raise ConfigurationError(_MISSING) from None
    try:
        hasher = PasswordHash.recommended()
    except HasherNotAvailable:
        raise ConfigurationError(_MISSING) from None
    return hasher, hasher.hash(token_bytes())
