"""The console script `badge-verifier`: the short way for one document with a given key, else the whole command
line.

The short way imports no web framework, no database and no command-line library: it is started by scripts, often.
"""

import sys


def main() -> None:
    """Run the command that the arguments ask for, and end with its exit code."""
    if "--key" in sys.argv:
        code = _short_way(sys.argv[1:])
        if code is not None:
            sys.exit(code)
    from verifier import cli

    cli.main()


def _short_way(arguments: list[str]) -> int | None:
    """The exit code, if the short way knows the answer."""
    from keys.errors import KeysError
    from verifier import one_document
    from verifier.verification.errors import VerificationError

    wanted = one_document.asked(arguments)
    if wanted is None:
        return None
    try:
        return one_document.run(wanted)
    except (KeysError, VerificationError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return one_document.MISUSE
