"""``python -m domain``: the command line."""

from .cli import main

main()
