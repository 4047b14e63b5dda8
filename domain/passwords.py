"""Passwords as argon2 hashes, by pwdlib (extra ``passwords``)."""

from functools import cache
from secrets import token_bytes
from typing import TYPE_CHECKING

from .errors import ArgumentError, ConfigurationError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

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

    Without a hash, or with one of another algorithm, it is never the password's, and takes as long to tell.
    """
    hasher, of_nothing = argon2_hasher()
    if hashed_password is None or not hasher.current_hasher.identify(hashed_password):
        hashed_password = of_nothing
    return hasher.verify_and_update(_encoded(password), hashed_password)


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
