"""One record from outside becomes a contribution, or is refused with the field and what was expected. Pure.

CSV rows and CloudEvents both come through `from_fields`; readers of git and Gerrit make their contributions
themselves, from what those systems say. A record is a statement of its source: it may say who accepted
something, and it can never assert an attestation.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from issuer.contributions.model import ATTESTED_ONLY, Contribution, ContributionError, Facts, facts_from
from issuer.people.model import Account, PeopleError
from schemas import timestamps
from schemas.strict_json import JsonValue

REQUIRED_FIELDS = ("id", "record", "account", "happened_at")
FIELDS = (*REQUIRED_FIELDS, *Facts.model_fields, "evidence")

MAX_ID_CHARACTERS = 500
MAX_TEXT_CHARACTERS = 2000  # of one fact: a written reason takes a page at most
MAX_ITEMS = 200  # of one list: the paths of a large change
MAX_URL_CHARACTERS = 2000
EARLIEST_YEAR = 1970  # no source is older, and a year 1 has no UTC form
CLOCKS_DIFFER = timedelta(days=1)  # a source's clock, or a day written without its hour, may be ahead of ours

_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_RECORD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", re.ASCII)
_MAX_RECORD_CHARACTERS = 64
_ATTESTATION_RECORDS = frozenset({"attestation", "attested", "statement"})


class IntakeError(ContributionError):
    """A record was refused. `field` is the one to blame, or None; the text is one sentence without its name."""

    def __init__(self, field: str | None, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class AttestationRefusedError(IntakeError):
    """A record asserts what only delegated people can attest."""


def checked_source(source: str) -> str:
    """`source`, if a policy's `from` could list it.

    Raises:
        IntakeError: it is no source's name.
    """
    if not _SOURCE.fullmatch(source):
        raise IntakeError("source", f"{source!r} is no source's name, such as launchpad.")
    return source


def from_fields(fields: Mapping[str, JsonValue], *, source: str, now: datetime) -> Contribution:
    """The contribution that these fields describe: REQUIRED_FIELDS, `evidence`, and any fact of `model.Facts`.

    Raises:
        IntakeError: a field is missing, unknown, too long or of the wrong kind; a time without a zone or after
            tomorrow; evidence that is no https address.
        AttestationRefusedError: it says that something was attested (POLICY §4, grade B).
    """
    return Contribution(
        source=source,
        id=_id(fields.get("id")),
        record=_record(fields.get("record")),
        account=_account(fields.get("account")),
        happened_at=_happened_at(fields.get("happened_at"), now=now),
        facts=_facts({name: value for name, value in fields.items() if name not in _NOT_FACTS}),
        evidence=_evidence(fields.get("evidence")),
    )


_NOT_FACTS = frozenset({*REQUIRED_FIELDS, "evidence"})


def _id(value: JsonValue) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARACTERS or not value.isprintable():
        raise IntakeError("id", f"an id of 1 to {MAX_ID_CHARACTERS} printable characters was expected.")
    return value


def _record(value: JsonValue) -> str:
    if not isinstance(value, str) or len(value) > _MAX_RECORD_CHARACTERS or not _RECORD.fullmatch(value):
        raise IntakeError("record", "the name of a record was expected, such as change or bug.confirmed.")
    if value.partition(".")[0] in _ATTESTATION_RECORDS:
        raise AttestationRefusedError(
            "record", "an attestation cannot be imported; only delegated people make it."
        )
    return value


def _account(value: JsonValue) -> Account:
    try:
        return Account.parse(value if isinstance(value, str) else "")
    except PeopleError as error:
        raise IntakeError("account", str(error)) from error


def _happened_at(value: JsonValue, *, now: datetime) -> datetime:
    try:
        moment = timestamps.parse(value)
    except timestamps.TimestampError as error:
        raise IntakeError("happened_at", str(error)) from error
    if moment.year < EARLIEST_YEAR:
        raise IntakeError("happened_at", f"{value!r} is before {EARLIEST_YEAR}.")
    if moment > now + CLOCKS_DIFFER:
        raise IntakeError("happened_at", f"{value!r} lies in the future.")
    return moment


def _facts(fields: Mapping[str, JsonValue]) -> Facts:
    for name, value in fields.items():
        _check_size(name, value)
    asserted = sorted(ATTESTED_ONLY & fields.keys())
    if asserted:
        raise AttestationRefusedError(
            asserted[0], "an attestation cannot be imported; only delegated people make it."
        )
    try:
        return facts_from(fields)
    except ContributionError as error:
        field, _, sentence = str(error).partition(": ")
        raise IntakeError(field.partition(".")[0], sentence.rstrip(".") + ".") from error


def _check_size(name: str, value: JsonValue) -> None:
    texts = value if isinstance(value, list) else [value]
    if len(texts) > MAX_ITEMS:
        raise IntakeError(name, f"at most {MAX_ITEMS} were expected, and there are {len(texts)}.")
    for text in texts:
        if isinstance(text, dict | list):
            raise IntakeError(name, "a text, a number, yes or no, or a list of texts was expected.")
        if isinstance(text, str) and (len(text) > MAX_TEXT_CHARACTERS or "\0" in text):
            raise IntakeError(name, f"a text of at most {MAX_TEXT_CHARACTERS} characters was expected.")


def _evidence(value: JsonValue) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and _is_https(value):
        return value
    raise IntakeError("evidence", "an https address was expected, such as https://review.example/c/1.")


def _is_https(text: str) -> bool:
    """Whether it can be shown as a link: a script or a password in it is no evidence."""
    try:
        parts = urlsplit(text)
        plain = len(text) <= MAX_URL_CHARACTERS and text.isprintable() and " " not in text and "\\" not in text
        return plain and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
