"""`python -m veravox` is the command `veravox`."""

from veravox.cli import main

main()
