"""What the stories of a token and of a document have in common: the checks told so far, and whose key it is.

A story makes its checks in a fixed order and stops where nothing is left to look at; what was not looked at is
UNKNOWN and says so. The clauses themselves are in `checks`, `proofs`, `content` and `status`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keys import did
from keys.did import DidDocument, Purpose
from keys.errors import KeyFormatError, KeysError
from schemas.outline import Outline
from verifier.verification.trust import Absent, Published, TrustBundle
from verifier.verification.verdict import Check, Endorsement, State, Verdict

if TYPE_CHECKING:
    from schemas.credential import OpenBadgeCredential

# Who signed it. None of these is asked where whoever verifies brought the key along.
WHOSE_KEY = ("key_owner", "issuer_document", "issuer_key")
MAX_EVIDENCE_CHARACTERS = 500  # a stranger chooses the names that it repeats: an issuer of 200,000 letters, say


@dataclass
class Told:
    """The checks of one story told so far."""

    story: tuple[str, ...]
    checks: dict[str, Check] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def passed(self, *made: Check) -> bool:
        """Take these checks down; whether all of them passed."""
        self.checks |= {check.id: _on_one_line(check) for check in made}
        return all(check.state is State.PASS for check in made)

    def verdict(
        self,
        outline: Outline | None = None,
        *,
        badge: "Callable[[], OpenBadgeCredential] | None" = None,
        endorsements: tuple[Endorsement, ...] = (),
    ) -> Verdict:
        """All checks of the story: those that were made, and the others as not made. `badge`: makes it of the
        content that was checked.
        """
        told = tuple(self.checks.get(id_) or Check(id_, State.UNKNOWN, made=False) for id_ in self.story)
        return Verdict(told, outline, tuple(self.warnings), endorsements, badge)


def check_key_owner(kid: str, *, issuer: str) -> Check:
    """The DID in a key's id is `issuer.id`, exactly (STANDARDS c5, k11): else anybody could sign for anybody."""
    try:
        owner = did.did_of_key_id(kid)
    except KeyFormatError as error:  # the text before '#' in an https address proves nothing (k2)
        return Check("key_owner", State.FAIL, str(error))
    if owner != issuer:
        return Check("key_owner", State.FAIL, f"The key is of {owner}, the issuer is {issuer}.")
    return Check("key_owner", State.PASS, issuer)


def check_issuer_document(issuer: str, *, published: Published | Absent | DidDocument, now: datetime) -> Check:
    """The issuer's DID document is there and sound (DID Core §7.1). Out of reach is unknown, broken is not."""
    if isinstance(published, Absent):
        return Check("issuer_document", State.UNKNOWN, published.reason)
    if isinstance(published, DidDocument):
        return Check("issuer_document", State.PASS, "The DID holds its key.")
    age = max(now - published.fetched_at, timedelta())
    try:
        read_document(issuer, published=published)
    except KeysError as error:
        return Check("issuer_document", State.FAIL, str(error), age)
    return Check("issuer_document", State.PASS, issuer, age)


def check_issuer_key(kid: str, *, document: DidDocument, purpose: Purpose = "assertionMethod") -> Check:
    """The key stands in the issuer's document under this purpose, by exact id (DID Core §5.3.2; STANDARDS c5).

    It never comes from the text of the id itself: a fragment that looks like a key proves nothing (k2).
    """
    if document.key(kid, purpose=purpose) is None:
        return Check("issuer_key", State.FAIL, f"{kid} is not listed under {purpose} by {document.id}.")
    return Check("issuer_key", State.PASS, kid)


def document_to_read(issuer: str, *, trust: TrustBundle) -> Published | Absent | DidDocument:
    """The issuer's DID document in the trust bundle, or the one that a did:key is by itself."""
    if did.holds_its_key(issuer):
        try:
            return did.implied_document(issuer)
        except KeyFormatError as error:
            return Absent(str(error))
    return trust.did_documents.get(issuer) or Absent(f"The keys of {issuer} are not at hand.")


def read_document(issuer: str, *, published: Published | Absent | DidDocument) -> DidDocument:
    """The checked document; KeyFormatError where `check_issuer_document` is not PASS."""
    if isinstance(published, Absent):
        raise KeyFormatError(published.reason)
    if isinstance(published, DidDocument):
        return published
    opened = published.opened.get(issuer)
    if not isinstance(opened, DidDocument):
        opened = published.opened[issuer] = did.parse_document(published.body, expected_id=issuer)
    return opened


def first_not_passed(made: Iterable[Check]) -> Check:
    """Of the same check for each proof, the first that did not pass, or else the first."""
    listed = list(made)
    return next((check for check in listed if check.state is not State.PASS), listed[0])


def _on_one_line(check: Check) -> Check:
    """The check with evidence that can be shown: no line ends, no codes that steer a terminal or writing."""
    text = check.evidence
    if len(text) <= MAX_EVIDENCE_CHARACTERS and text.isprintable():
        return check
    shown = "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:MAX_EVIDENCE_CHARACTERS]
    )
    return check._replace(evidence=shown if len(text) <= MAX_EVIDENCE_CHARACTERS else f"{shown}…")
