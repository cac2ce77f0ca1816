"""How an event is connected to a shop: its file, the office's settings, the guarded client, and the tables."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from schemas.event_policy import CodePool, EventPolicyError, PretixShop
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.shops.contract_server import TOKEN, ContractServer, Fault
from tests.unit.verifier.registration.test_outbox import SHOP, Office
from verifier.ground import database, settings
from verifier.ground.database import open_database
from verifier.ground.outbound import MAX_BODY_BYTES, ForbiddenAddressError, OutboundError, ServiceClient
from verifier.ground.settings import SettingsError, ShopAccess

# The event's file


def test_a_pretix_is_named_with_its_address() -> None:
    shop = policy(shop=SHOP).shop
    assert isinstance(shop, PretixShop)
    assert (shop.url, shop.organizer, shop.event) == ("https://tickets.example.org", "foundation", "summit2027")


def test_a_pool_needs_no_more_than_its_kind() -> None:
    assert policy(shop={"kind": "code_pool"}).shop == CodePool(kind="code_pool")
    earlier = SHOP | {"kind": "code_pool"}
    del earlier["url"]
    assert isinstance(policy(shop=earlier).shop, CodePool)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://tickets.example.org"}, r"shop\.url"),
        ({"url": "https://somebody@tickets.example.org"}, r"shop\.url"),
        ({"url": "https://tickets.example.org/?token=1"}, r"shop\.url"),
        ({"url": None}, r"shop\.url"),
        ({"url": ""}, r"shop\.url"),
        ({"token": "secret"}, r"shop\.token: this field is not known here"),
        ({"organizer": ".."}, r"shop\.organizer"),
        ({"organizer": "a/b"}, r"shop\.organizer"),
        ({"event": "../other"}, r"shop\.event"),
        ({"event": ""}, r"shop\.event"),
        ({"kind": "code_pool"}, r"shop\.url: this field is not known here"),
        ({"kind": ["pretix"]}, r"shop\.kind"),
    ],
)
def test_a_shop_that_could_mean_something_else_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(EventPolicyError, match=field):
        policy(shop=SHOP | change)


def test_a_shop_that_is_no_mapping_is_refused() -> None:
    nothings: list[object] = ["pretix", 7, ["pretix"], {}]
    for nothing in nothings:
        with pytest.raises(EventPolicyError, match="shop"):
            policy(shop=nothing)


# The settings


def written(folder: Path, text: str) -> Path:
    (folder / "verifier.yaml").write_text(text)
    return folder


def test_a_token_stands_beside_its_address(tmp_path: Path) -> None:
    text = "shops:\n  tickets: {url: 'https://tickets.example.org/', token_file: shop.token}\n"
    assert settings.load(written(tmp_path, text)).shops == {
        "https://tickets.example.org": ShopAccess("https://tickets.example.org", tmp_path / "shop.token")
    }
    assert settings.load(written(tmp_path, "public_url: https://verify.example.org\n")).shops == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("shops: [a]", "named shops"),
        ("shops: {a: https://tickets.example.org}", "shops.a"),
        ("shops: {a: {url: 'https://tickets.example.org'}}", "shops.a"),
        ("shops: {a: {url: 'https://tickets.example.org', token: x}}", "shops.a"),
        ("shops: {a: {url: 'https://tickets.example.org', token_file: 7}}", "shops.a"),
        ("shops: {a: {url: 'http://tickets.example.org', token_file: t}}", "shops.a.url"),
        ("shops: {a: {url: 'https://u:p@tickets.example.org', token_file: t}}", "shops.a.url"),
        (
            "shops: {a: {url: 'https://t.example', token_file: t}, b: {url: 'https://t.example/', token_file: u}}",
            "shops.b has the address of another",
        ),
    ],
)
def test_a_wrong_shop_is_one_sentence(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=r"verifier\.yaml") as refused:
        settings.load(written(tmp_path, text))
    assert named in str(refused.value)


# The client


@pytest.fixture
def server() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.stop()


def client(server: ContractServer, **changes: Any) -> ServiceClient:
    exempt = frozenset({server.host})
    fields: dict[str, Any] = {"exempt_hosts": exempt, "total_seconds": 5.0} | changes
    return ServiceClient(server.url, f"Token {TOKEN}", **fields)


def test_the_token_is_sent_and_shown_nowhere(server: ContractServer) -> None:
    asked = client(server)
    assert asked.ask("/anything").status == 404
    assert server.asked[0][2]["authorization"] == f"Token {TOKEN}"
    assert TOKEN not in repr(asked)


def test_an_inside_address_gets_no_token_unless_it_is_exempt(server: ContractServer) -> None:
    with pytest.raises(ForbiddenAddressError):
        client(server, exempt_hosts=frozenset()).ask("/")
    inside = ServiceClient("https://tickets.example.org", "Token x", resolve=lambda *_: ["10.0.0.7"])
    with pytest.raises(ForbiddenAddressError, match="inside some network"):
        inside.ask("/")
    with pytest.raises(ForbiddenAddressError, match="only https"):
        ServiceClient("http://tickets.example.org", "Token x").ask("/")
    assert server.asked == []


def test_a_redirect_is_an_answer_and_is_not_followed(server: ContractServer) -> None:
    server.faults.append(Fault(307, headers=(("Location", f"http://{server.host}/elsewhere"),)))
    assert client(server).ask("/", body=b"{}").status == 307
    assert len(server.asked) == 1


def test_an_endless_answer_is_cut_off(server: ContractServer) -> None:
    server.faults.append(Fault(200, body="x" * (MAX_BODY_BYTES + 1)))
    with pytest.raises(OutboundError, match="more than"):
        client(server).ask("/")


def test_a_missing_file_of_certificates_is_one_sentence(server: ContractServer, tmp_path: Path) -> None:
    with pytest.raises(OutboundError, match="file of certificates"):
        client(server, ca_file=tmp_path / "missing.pem").ask("/")


# The tables


@pytest.mark.usefixtures("slow_files")
def test_a_ledger_from_before_there_were_shops_keeps_its_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(database, "MIGRATION_HEAD", "0001")
        old = open_database(tmp_path / "verifier.sqlite")
        assert "shop_orders" not in inspect(old).get_table_names()
        with database.writing(old) as connection:
            connection.exec_driver_sql(
                "INSERT INTO redemptions (event, entitlement, issuer, achievement, counted, percent, proof,"
                " generation, voucher, granted_at) VALUES ('summit-2027', 'ticket-discount', 'did:web:a.example',"
                " 'https://a.example/b', 0, 50, 'holder_code', 1, 'OLD', '2027-01-16T09:00:00.000000+00:00')"
            )
        old.dispose()
    office = Office(tmp_path)
    office.settings.voucher_secret.write_bytes(bytes(32))
    office.redeem()
    office.clock.pass_by(minutes=1)
    assert office.outbox.deliver_due().placed == 1
    assert office.check().differences == ("OLD was granted without an order to the shop: enter it by hand.",)
    (order,) = office.shop.orders.values()
    assert order.valid_until == office.clock.now - timedelta(minutes=1) + timedelta(days=30)
    office.registration.engine.dispose()
