"""The text of a QR code on a page of a PDF: what somebody printed into a file in place of onto paper.

A PDF is a program in all but name, so it is drawn by a process of its own that may use two seconds of CPU and half
a gigabyte, writes no file and is ended when it takes longer (`paper_worker`). What comes back is only text.
"""

import json
import subprocess
import sys
from typing import Final

from verifier.verification.errors import ReadingError

MAX_PDF_BYTES: Final = 10 << 20
MAX_SECONDS: Final = 8  # of the clock; the worker's own bound is its CPU
SIGNATURE: Final = b"%PDF-"


def is_pdf(data: bytes) -> bool:
    """Whether the bytes begin as a PDF does; readers allow some noise before it (ISO 32000-1, Annex H)."""
    return SIGNATURE in data[:1024]


def texts_of_codes(data: bytes) -> tuple[str, ...]:
    """The texts of all QR codes on the first pages of a PDF; none if there is no code.

    Raises:
        ReadingError: the PDF is too large, damaged, locked with a password, or too much work to draw.
    """
    if len(data) > MAX_PDF_BYTES:
        raise ReadingError("The PDF is larger than 10 MiB; a badge's page never is.")
    command = [sys.executable, "-I", "-m", "verifier.verification.paper_worker"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module; the file is only its input
            command, input=data, capture_output=True, timeout=MAX_SECONDS, check=False, close_fds=True
        )
    except subprocess.TimeoutExpired as error:
        raise ReadingError("The PDF takes too long to draw: photograph the code instead.") from error
    if done.returncode != 0:
        raise ReadingError("The PDF cannot be opened: it is damaged, locked with a password, or too much to draw.")
    texts: list[str] = json.loads(done.stdout)
    return tuple(texts)
