"""A badge is prepared so that its code can be read: as it was wished, else lean, else without a packed code."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from issuer.badges import awarding, issuance, preparation
from issuer.badges import service as badges
from issuer.badges.issuing import contents
from issuer.badges.preparation import Particulars
from schemas import badge_qr, strict_json
from tests.unit.issuer.office import NOW, open_office

HOST = "badges.example.org"


@pytest.fixture
def wished(tmp_path: Path) -> Any:
    """The cover and dictionary of a badge that was really issued, and the particulars of a new one."""
    office = open_office(tmp_path, people="name,email,accounts\nAda Example,ada@books.example,\n")
    awarding.award_by_hand(
        office.engine, list(office.people.values()), tier="recognised", decision="the board", reason="thanks",
        decided_by=next(iter(office.people.values())), policy=office.policy, now=NOW,
    )  # fmt: skip
    issuance.issue(office.bureau, now=NOW)
    (badge,) = badges.all_badges(office.engine)
    cover = contents.cover_of(office.bureau, badge.award)
    ((dictionary, _, _),) = badges.dictionaries(office.engine)
    office.engine.dispose()
    particulars = Particulars(
        credential_id="urn:uuid:4a14876a-eaff-4a09-8ca5-996666ceab36",
        reference="urn:uuid:0f1099c6-c3e1-4258-bd72-4452ccea71ff",
        holder_code=preparation.holder_code_hash("A CODE", salt="5b" * 16),
        valid_from=NOW - timedelta(days=3),
        awarded=NOW - timedelta(days=3),
        status=(),
        name="Ada Example",
        address=preparation.address_hash("ada@books.example", salt="5b" * 16),
    )
    return cover, dictionary, particulars


def prepared(wished: Any, **changes: Any) -> dict[str, Any]:
    cover, dictionary, particulars = wished
    made = preparation.prepare_to_fit(cover, replace(particulars, **changes), dictionary=dictionary, host=HOST)
    claims = strict_json.loads_object(made.claims)
    size = badge_qr.packed_size(made.claims, dictionary=dictionary)
    kinds = [entry["identityType"] for entry in claims["credentialSubject"]["identifier"]]  # type: ignore[index, call-overload, union-attr]
    caption = "caption" in claims["credentialSubject"]["achievement"]["image"]  # type: ignore[index, call-overload, operator]
    return {"size": size, "kinds": kinds, "caption": caption}


def different_letters(amount: int) -> str:
    """Letters that no compression makes shorter."""
    return "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(amount))


def test_an_ordinary_badge_is_as_it_was_wished(wished: Any) -> None:
    made = prepared(wished)
    assert "emailAddress" in made["kinds"] and made["caption"]
    assert made["size"] <= badge_qr.SOFT_LIMIT_URL_BYTES


def test_above_the_hard_limit_it_is_lean_and_keeps_the_name(wished: Any, caplog: pytest.LogCaptureFixture) -> None:
    amount = next(
        n for n in range(20, 100) if "emailAddress" not in prepared(wished, name=different_letters(n))["kinds"]
    )
    made = prepared(wished, name=different_letters(amount))
    assert made["kinds"].count("name") == 1 and not made["caption"]
    assert made["size"] <= badge_qr.HARD_LIMIT_URL_BYTES
    assert "prepared lean" in caplog.text


def test_what_is_too_large_even_so_is_issued_as_it_was_wished(
    wished: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made = prepared(wished, name=different_letters(100), narrative=different_letters(400))
    assert "emailAddress" in made["kinds"] and made["caption"]
    assert made["size"] > badge_qr.HARD_LIMIT_URL_BYTES
    assert "no packed code" in caplog.text


def test_above_the_soft_limit_it_is_said_in_the_log(wished: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for amount in range(10, 60, 2):
        made = prepared(wished, name=different_letters(amount))
        if made["size"] > badge_qr.SOFT_LIMIT_URL_BYTES:
            break
    assert "needs a code of version" in caplog.text
