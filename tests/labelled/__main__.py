"""`python -m tests.labelled [PEOPLE]`: the labelled community of 1,000, decided; both kinds of error, printed."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.labelled.community import make
from tests.labelled.deciding import Play, folder_office, report
from tests.unit.issuer.office import NOW

with TemporaryDirectory() as folder:
    play = Play(folder_office(Path(folder)), make(NOW, size=int(sys.argv[1]) if sys.argv[1:] else 1_000))
    print("\n".join(report(play)))
