"""How a command says no: one line on stderr, and an exit code that a program can read."""


class Failure(Exception):
    """Refused or failed, exit code 1. The message says why, and what to do next where something can be done."""

    exit_code = 1


class Usage(Failure):
    """Asked wrongly, exit code 2."""

    exit_code = 2
