"""`badge-issuer`: the issuing office from the command line. Each command's work is done by a room's service.

Exit codes: 0 done, 1 not done (one sentence on standard error says why), 3 misuse. `main` is the console
script; no traceback reaches a user.
"""

import sys

import typer

from issuer.cli import (
    answering,
    backing,
    cataloguing,
    collecting,
    delivering,
    gathering,
    issuing,
    keeping,
    migrating,
    people,
    policing,
    recognising,
    revoking,
    running,
    signing,
    sourcing,
    working,
)
from issuer.cli.output import run

app = typer.Typer(
    name="badge-issuer",
    help="Contributions become signed Open Badges, by a published policy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
running.register(app)
collecting.register(app)
recognising.register(app)
policing.register(app)
cataloguing.register(app)
answering.register(app)
issuing.register(app)
delivering.register(app)
revoking.register(app)
keeping.register(app)
migrating.register(app)
backing.register(app)
signing.register(app)
working.register(app)
people.register(app)
sourcing.register(app)
gathering.register(app)


def main(arguments: list[str] | None = None) -> None:
    """The console script."""
    sys.exit(run(lambda given: app(given, prog_name="badge-issuer"), arguments))
