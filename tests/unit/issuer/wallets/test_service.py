"""Offers of badges to wallets, on both databases: one wallet, one badge, whoever comes at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.ground.database import reading
from issuer.ground.language import IN_ENGLISH
from issuer.ground.tokens import hash_of
from issuer.wallets import metadata, service, store
from issuer.wallets.errors import WalletError
from issuer.wallets.model import MAX_WRONG_GUESSES
from schemas.strict_json import JsonObject
from tests.unit.issuer.badges.test_service import decide_and_issue, only_badge
from tests.unit.issuer.office import NOW, Office
from tests.unit.issuer.wallets_client import BASE, Key

FORM = {"grant_type": metadata.PRE_AUTHORIZED}


@pytest.fixture
def badge(office: Office) -> Badge:
    office.add_changes("ada", count=3)
    decide_and_issue(office)
    return only_badge(office)


def code_of(office: Office, link: str) -> str:
    document = service.offer_document(office.bureau, link.rpartition("/")[2], now=NOW, say=IN_ENGLISH)
    assert document is not None
    grants: Any = document["grants"]
    return str(grants[metadata.PRE_AUTHORIZED]["pre-authorized_code"])


def request_of(office: Office, key: Key) -> JsonObject:
    claims = {"aud": BASE, "iat": int(NOW.timestamp()), "nonce": service.nonce(office.bureau, now=NOW)}
    return {"credential_configuration_id": metadata.DOCUMENT, "proofs": {"jwt": [key.token(claims)]}}


def tried(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except WalletError as error:
        return error


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(tried, acts))


def test_of_two_that_come_at_once_one_gets_a_token_and_one_key_the_badge(office: Office, badge: Badge) -> None:
    made = service.offer(office.bureau, badge, now=NOW)
    form = FORM | {"pre-authorized_code": code_of(office, made.reference), "tx_code": made.transaction_code}

    tokens = at_once([lambda: service.take(office.bureau, form, now=NOW)] * 4)

    (token,) = [one.access_token for one in tokens if isinstance(one, service.Token)]
    assert {one.code for one in tokens if isinstance(one, WalletError)} == {"invalid_grant"}

    def ask(key: Key) -> Callable[[], Any]:
        return lambda: service.credential(office.bureau, token, request_of(office, key), now=NOW)

    answers = at_once([ask(Key()) for _ in range(4)])

    refused = [one for one in answers if isinstance(one, WalletError)]
    assert len(refused) == 3 and {one.code for one in refused} == {"credential_request_denied"}
    assert len(badges.copies_of(office.engine, badge)) == 1


def test_guesses_that_come_at_the_same_moment_are_counted_one_by_one(
    office: Office, badge: Badge, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = service.offer(office.bureau, badge, now=NOW)
    code = code_of(office, made.reference)
    with reading(office.engine) as connection:
        seen = store.offer_of_code(connection, hash_of(code))
    monkeypatch.setattr(store, "offer_of_code", lambda *_: seen)  # all of them looked before any was counted
    wrong = f"{(int(made.transaction_code) + 1) % 1_000_000:06}"

    for guess in [*[wrong] * MAX_WRONG_GUESSES, made.transaction_code]:
        with pytest.raises(WalletError) as refused:
            service.take(office.bureau, FORM | {"pre-authorized_code": code, "tx_code": guess}, now=NOW)
        assert refused.value.code == "invalid_grant"


def test_the_same_key_at_once_and_again_has_one_badge(office: Office, badge: Badge) -> None:
    made = service.offer(office.bureau, badge, now=NOW)
    form = FORM | {"pre-authorized_code": code_of(office, made.reference), "tx_code": made.transaction_code}
    token, key = service.take(office.bureau, form, now=NOW).access_token, Key()

    def ask() -> Any:
        return service.credential(office.bureau, token, request_of(office, key), now=NOW)

    answers = [*at_once([ask] * 4), ask()]

    assert all(one == answers[-1] for one in answers)
    assert len(badges.copies_of(office.engine, badge)) == 1


def test_a_nonce_is_used_once_whoever_comes_at_the_same_time(office: Office, badge: Badge) -> None:
    made = service.offer(office.bureau, badge, now=NOW)
    form = FORM | {"pre-authorized_code": code_of(office, made.reference), "tx_code": made.transaction_code}
    token = service.take(office.bureau, form, now=NOW).access_token
    request = request_of(office, Key())

    answers = at_once([lambda: service.credential(office.bureau, token, request, now=NOW)] * 4)

    assert sorted(getattr(one, "code", "given") for one in answers) == ["given", *["invalid_nonce"] * 3]


def test_the_secrets_of_an_offer_are_the_offices_own_and_each_another(office: Office) -> None:
    names = {office.bureau.wallet_secret(purpose, "x") for purpose in ("handle", "code", "nonce", "notification")}
    assert len(names) == 4
