"""Any two of three people have the passphrase, one of them nothing; what is wrong with a sheet is said."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic import Share

from keys.errors import SheetError
from keys.sharing import recover, split, words_of

SECRET = "horses and staples and batteries"
passphrases = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None)
@given(passphrases)
def test_any_two_of_three_give_it_back_and_none_alone(passphrase: str) -> None:
    sheets = split(passphrase, people=3, needed=2)
    for chosen in combinations(sheets, 2):
        assert recover([sheet.words for sheet in chosen]) == passphrase
    assert recover([sheet.words for sheet in sheets]) == passphrase
    for sheet in sheets:
        with pytest.raises(SheetError, match="2 sheets are needed, and 1 was given"):
            recover([sheet.words])


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6).flatmap(lambda people: st.tuples(st.just(people), st.integers(2, people))))
def test_so_many_of_so_many(numbers: tuple[int, int]) -> None:
    people, needed = numbers
    sheets = split(SECRET, people=people, needed=needed)
    assert recover([sheet.words for sheet in sheets[-needed:]]) == SECRET
    with pytest.raises(SheetError, match=f"{needed} sheets are needed"):
        recover([sheet.words for sheet in sheets[: needed - 1]])


def test_one_sheet_says_nothing_about_the_passphrase() -> None:
    """What stands on one sheet is as random for one passphrase as for another: each of its bytes takes every value
    about equally often, whatever was split."""
    rounds = 150
    for passphrase in ("a" * 20, "correct horse batter"):
        seen: Counter[int] = Counter()
        for _ in range(rounds):
            sheet = split(passphrase, people=3, needed=2)[0]
            seen.update(Share.from_mnemonic(" ".join(sheet.words)).value)
        total = seen.total()
        chi_square = sum((seen[value] - total / 256) ** 2 / (total / 256) for value in range(256))
        assert chi_square < 255 + 6 * (2 * 255) ** 0.5  # six standard deviations


def test_a_wrong_word_is_named_by_its_sheet_and_place_and_never_repeated() -> None:
    first, second, _ = split(SECRET, people=3, needed=2)
    unknown = [*first.words[:4], "mellon", *first.words[5:]]
    with pytest.raises(SheetError, match="Sheet 2: word 5 is none of those"):
        recover([second.words, unknown])
    other = next(word for word in second.words if word != first.words[7])
    swapped = [*first.words[:7], other, *first.words[8:]]
    with pytest.raises(SheetError, match="Sheet 1: a word is wrong, missing, or not in its place") as refused:
        recover([swapped, second.words])
    assert other not in str(refused.value).split()
    with pytest.raises(SheetError, match="missing"):
        recover([first.words[:-1], second.words])


def test_sheets_of_different_sets_the_same_twice_and_none_are_refused() -> None:
    one, another = split(SECRET, people=3, needed=2), split(SECRET, people=3, needed=2)
    with pytest.raises(SheetError, match="different sets"):
        recover([one[0].words, another[1].words])
    with pytest.raises(SheetError, match="twice"):
        recover([one[0].words, one[0].words])
    with pytest.raises(SheetError, match="No sheet"):
        recover([])


@pytest.mark.parametrize(("people", "needed"), [(3, 1), (2, 3), (17, 2), (1, 1)])
def test_numbers_that_make_no_sense_are_refused(people: int, needed: int) -> None:
    with pytest.raises(SheetError, match="cannot be asked for"):
        split(SECRET, people=people, needed=needed)


def test_an_empty_or_endless_passphrase_is_refused() -> None:
    for passphrase in ("", "x" * 300):
        with pytest.raises(SheetError, match="1 to 256 bytes"):
            split(passphrase, people=3, needed=2)


def test_words_are_read_as_printed_and_as_typed() -> None:
    words = split(SECRET, people=3, needed=2)[0].words
    printed = "Sheet 1 of 3, set 12345.\n" + "\n".join(f"  {n}. {word}" for n, word in enumerate(words, start=1))
    assert words_of(printed) == words
    assert words_of(" ".join(words).upper()) == words


def test_a_sheet_shows_no_word_of_itself_in_a_log() -> None:
    sheet = split(SECRET, people=3, needed=2)[0]
    assert not set(sheet.words) & set(repr(sheet).lower().replace("(", " ").split())
