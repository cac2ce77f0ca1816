"""The key passphrase in the hands of several people: so many of them together have it, fewer know nothing.

SLIP-39 by its reference implementation: each person gets a sheet of words that can be written on paper and typed
again. A sheet carries which set it belongs to and a checksum, so that a wrong word or a sheet of another set is
named before anything is tried. The library takes no care of what a neighbour on the same processor could
measure; a set is made and used on a machine of one's own, a few times in a decade.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from keys.errors import SheetError

MOST_PEOPLE = 16  # as the standard has it
MAX_PASSPHRASE_BYTES = 256
_LENGTH_BYTES = 2
_LEAST_BYTES = 16  # the standard splits no shorter secret
_NUMBERED = re.compile(r"(?<!\S)(\d{1,3})[.)]?\s+([A-Za-z]+)(?!\S)")
_WORDS = frozenset(WORDLIST)


@dataclass(frozen=True)
class Sheet:
    """What one person keeps: their words, and which sheet of which set it is. `repr` shows no word."""

    number: int
    people: int
    needed: int
    set_number: int
    words: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Sheet({self.number} of {self.people}, set {self.set_number})"


def split(passphrase: str, *, people: int, needed: int) -> tuple[Sheet, ...]:
    """A sheet for each of so many people; each choice of `needed` of them gives the passphrase.

    Raises:
        SheetError: the passphrase is empty or too long, or the numbers make no sense.
    """
    if not 2 <= needed <= people <= MOST_PEOPLE:
        raise SheetError(
            f"{needed} of {people} people cannot be asked for: 2 to {MOST_PEOPLE} people, and at least two of them"
            " needed, were expected."
        )
    secret = passphrase.encode("utf-8", "surrogateescape")
    if not 0 < len(secret) <= MAX_PASSPHRASE_BYTES:
        raise SheetError(f"A passphrase of 1 to {MAX_PASSPHRASE_BYTES} bytes was expected.")
    made = generate_mnemonics(1, [(needed, people)], _padded(secret))[0]
    identifier = Share.from_mnemonic(made[0]).identifier
    return tuple(
        Sheet(number, people, needed, identifier, tuple(words.split()))
        for number, words in enumerate(made, start=1)
    )


def recover(sheets: Sequence[Sequence[str]]) -> str:
    """The passphrase out of the words of enough sheets of one set.

    Raises:
        SheetError: a word is wrong, the sheets are of different sets, one is there twice, or they are too few.
    """
    shares = [_share(words, number) for number, words in enumerate(sheets, start=1)]
    if not shares:
        raise SheetError("No sheet was given.")
    if len({(share.identifier, share.member_threshold, share.iteration_exponent) for share in shares}) > 1:
        sets = ", ".join(str(number) for number in sorted({share.identifier for share in shares}))
        raise SheetError(f"The sheets are of different sets ({sets}): sheets of one set were expected.")
    if len({share.index for share in shares}) < len(shares):
        raise SheetError("The same sheet was given twice: those of different people were expected.")
    needed = shares[0].member_threshold
    if len(shares) < needed:
        raise SheetError(f"{needed} sheets are needed, and {len(shares)} was given: alone it says nothing.")
    try:
        secret = _unpadded(combine_mnemonics([" ".join(words) for words in sheets][:needed]))
    except MnemonicError as error:  # its text may name words
        raise SheetError(
            "These sheets give no passphrase: one of them was changed, or is of another set."
        ) from error
    return secret.decode("utf-8", "surrogateescape")


def words_of(text: str) -> tuple[str, ...]:
    """The words on a sheet as it was printed, or as somebody typed them: numbered, or one after another."""
    numbered = {int(number): word.lower() for number, word in _NUMBERED.findall(text) if word.lower() in _WORDS}
    if numbered:
        return tuple(numbered[number] for number in sorted(numbered))
    return tuple(word.lower() for word in text.split())


def _share(words: Sequence[str], number: int) -> Share:
    unknown = [place for place, word in enumerate(words, start=1) if word not in _WORDS]
    if unknown:
        raise SheetError(f"Sheet {number}: word {unknown[0]} is none of those that stand on sheets.")
    try:
        share = Share.from_mnemonic(" ".join(words))
    except MnemonicError as error:
        raise SheetError(f"Sheet {number}: a word is wrong, missing, or not in its place.") from error
    if share.group_count != 1:
        raise SheetError(
            f"Sheet {number}: it is not one of ours: sheets of 'badge-issuer keys split' were expected."
        )
    return share


def _padded(secret: bytes) -> bytes:
    """An even number of bytes, and not too few, from which the secret comes out as it was."""
    whole = len(secret).to_bytes(_LENGTH_BYTES) + secret
    return whole + bytes(max(_LEAST_BYTES - len(whole), len(whole) % 2))


def _unpadded(whole: bytes) -> bytes:
    length = int.from_bytes(whole[:_LENGTH_BYTES])
    secret, rest = whole[_LENGTH_BYTES:][:length], whole[_LENGTH_BYTES + length :]
    if len(secret) != length or not secret or any(rest):
        raise SheetError("These sheets hold something else than a passphrase of this program.")
    return secret
