"""Vouchers in a running pretix: from PyPI, in an environment of its own, on PostgreSQL, asked over HTTP only.

The environment is made once, in the cache folder of this user, and takes some minutes. What an operator would do
before the shop opens is typed into its management shell: the tables, an organiser, and the event that goes live.
What a shop does wrong is played by a small one in `tests/integration/test_shop_contract.py`.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest

from tests.postgres import PostgresServer
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.test_outbox import SHOP, Office
from verifier.ground.settings import Settings, ShopAccess
from verifier.registration.outbox import Outbox
from verifier.registration.shops import (
    AlreadyThere,
    Placed,
    ShopRefusedError,
    ShopUnreachableError,
    VoucherOrder,
    pretix,
)
from verifier.registration.shops import service as shops
from verifier.registration.shops.pricing import PriceMode, Pricing

pytestmark = pytest.mark.real

RELEASE = "pretix==2026.8.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "badgewright-real-pretix-2026.8.0"
SECONDS = 1_200  # to install it and to make its tables, on a slow machine

# What its operators do by hand: an organiser, a team that sets the event up, and one that may do nothing but
# view and change vouchers.
PREPARE = """
from django_scopes import scopes_disabled
from pretix.base.models import Organizer, Team
with scopes_disabled():
    organizer = Organizer.objects.create(slug="foundation", name="Foundation")
    setting_up = Team.objects.create(organizer=organizer, name="setting up", all_events=True,
                                     all_event_permissions=True, all_organizer_permissions=True)
    rights = {"event.vouchers:read": True, "event.vouchers:write": True}
    vouchers = Team.objects.create(organizer=organizer, name="vouchers", all_events=True,
                                   limit_event_permissions=rights)
    print("TOKENS", setting_up.tokens.create(name="a").token, vouchers.tokens.create(name="b").token)

"""


# Its tables at once, as the models say, and not through years of migrations.
WITHOUT_MIGRATIONS = """
from pretix.settings import *

class Nothing:
    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None

MIGRATION_MODULES = Nothing()
"""

# An event goes live once its team has looked at it.
GO_LIVE = """
from django_scopes import scopes_disabled
from pretix.base.models import Event
with scopes_disabled():
    Event.objects.filter(slug="{slug}").update(live=True)

"""


class Pretix:
    """A pretix that is started and stopped, with its files in one folder and the rest in a PostgreSQL."""

    def __init__(self, folder: Path, database: PostgresServer) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"https://{self.host}"  # http, by the guard's exemption for this machine
        self.database = database
        write_settings(folder, host=self.host, database=database)
        manage(folder, "migrate", "--run-syncdb", "-v", "0")
        said = manage(folder, "shell", typed=PREPARE)
        self.setting_up, self.token = next(
            line.split()[1:] for line in said.splitlines() if line.startswith("TOKENS")
        )

    def start(self) -> None:
        command = [str(CACHE / "venv/bin/python"), "-m", "pretix", "runserver", "--noreload", self.host]
        self.process = subprocess.Popen(
            command,
            env=environment(self.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 120
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                self.stop()
                raise AssertionError("pretix does not start")
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def answers(self) -> bool:
        """Whether it serves at all: to a stranger its API says 401."""
        try:
            with urlopen(f"http://{self.host}/api/v1/organizers/", timeout=20):
                return True
        except HTTPError as error:
            with error:
                return error.code == 401
        except OSError:
            return False

    def ask(self, path: str, fields: object = None, *, method: str | None = None) -> Any:
        """The answer of its API to those who set it up."""
        request = Request(
            f"http://{self.host}/api/v1/organizers/foundation/{path}",
            data=None if fields is None else json.dumps(fields).encode(),
            headers={"Authorization": f"Token {self.setting_up}", "Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PRETIX_CONFIG_FILE": str(folder / "pretix.cfg"),
        "DJANGO_SETTINGS_MODULE": "without_migrations",
        "PYTHONPATH": str(folder),
    }


def write_settings(folder: Path, *, host: str, database: PostgresServer) -> None:
    lines = ["[pretix]", "instance_name=test", f"url=http://{host}", f"datadir={folder}", "currency=EUR"]
    lines += ["[database]", "backend=postgresql", "name=pretix", "user=postgres"]
    lines += ["host=127.0.0.1", f"port={database.port}"]
    lines += ["[django]", "debug=off", "secret=" + "not-a-secret-" * 5, "[languages]", "enabled=en"]
    (folder / "pretix.cfg").write_text("\n".join(lines) + "\n")
    (folder / "without_migrations.py").write_text(WITHOUT_MIGRATIONS)


def manage(folder: Path, *words: str, typed: str = "") -> str:
    """A management command in pretix's own environment."""
    done = subprocess.run(
        [CACHE / "venv/bin/python", "-m", "pretix", *words],
        env=environment(folder),
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return done.stdout


def prepare() -> None:
    """Have a pretix in the cache folder; the test is skipped, with its reason, if none can be had."""
    python = CACHE / "venv/bin/python"
    if python.exists() and subprocess.run([python, "-c", "import pretix"], check=False).returncode == 0:
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    try:
        venv.EnvBuilder(with_pip=True).create(CACHE / "venv")
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", RELEASE], timeout=SECONDS, check=True, capture_output=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"{RELEASE} cannot be had on this machine ({type(error).__name__})")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Pretix]:
    if sys.platform == "win32":
        pytest.skip("pretix does not run on Windows")
    prepare()
    postgres.execute("DROP DATABASE IF EXISTS pretix")
    postgres.execute("CREATE DATABASE pretix")
    made = Pretix(tmp_path_factory.mktemp("pretix"), postgres)
    made.start()
    yield made
    made.stop()


class Sale:
    """A new event of the running pretix with one product and one quota, and this office's settings for it."""

    def __init__(self, pretix: Pretix, folder: Path, *, slug: str) -> None:
        self.pretix, self.slug = pretix, slug
        event = {"name": {"en": "Summit"}, "slug": slug, "currency": "EUR", "plugins": []}
        pretix.ask("events/", event | {"date_from": "2027-05-27T10:00:00Z"})
        item = pretix.ask(f"events/{slug}/items/", {"name": {"en": "Ticket"}, "default_price": "100.00"})
        quota = {"name": "All", "size": 100, "items": [item["id"]], "variations": []}
        self.quota: int = pretix.ask(f"events/{slug}/quotas/", quota)["id"]
        access = ShopAccess(pretix.url, folder / "token")
        access.token_file.write_text(pretix.token)
        self.settings = Settings(folder, exempt_hosts=frozenset({pretix.host}), shops={access.url: access})
        self.shop = self.connect()

    def connect(self) -> pretix.PretixShop:
        return pretix.connect(self.settings, url=self.pretix.url, organizer="foundation", event=self.slug)

    def order(self) -> VoucherOrder:
        return VoucherOrder(
            "K7QDM-AAAAA-BBBBB-CCCCC",
            50,
            valid_until=datetime.now(UTC).replace(microsecond=0) + timedelta(days=30),
            quota=self.quota,
            tag="recognition",
            comment="grant 1",
        )

    def vouchers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.pretix.ask(f"events/{self.slug}/vouchers/")["results"]
        return found


@pytest.fixture
def sale(running: Pretix, tmp_path: Path, request: pytest.FixtureRequest) -> Sale:
    names = [item.name for item in request.session.items]
    return Sale(running, tmp_path, slug=f"event{names.index(request.node.name)}")


def test_a_voucher_is_made_once_as_it_was_ordered(sale: Sale) -> None:
    order = sale.order()
    assert sale.shop.put(order) == Placed(order.code)
    assert sale.shop.put(order) == AlreadyThere(order.code)

    (made,) = sale.vouchers()
    assert (made["code"], made["max_usages"], made["redeemed"]) == (order.code, 1, 0)
    assert (made["price_mode"], made["value"], made["quota"]) == ("percent", "50.00", sale.quota)
    assert datetime.fromisoformat(made["valid_until"]) == order.valid_until
    assert (made["tag"], made["block_quota"], made["allow_ignore_quota"]) == ("recognition", False, False)


@pytest.mark.parametrize("change", [{"percent": 100}, {"tag": "press"}])
def test_a_code_that_is_there_with_another_meaning_is_refused(sale: Sale, change: dict[str, Any]) -> None:
    sale.shop.put(sale.order())
    with pytest.raises(ShopRefusedError, match=r"K7QDM-AAAAA-BBBBB-CCCCC"):
        sale.shop.put(replace(sale.order(), **change))
    assert len(sale.vouchers()) == 1


def test_a_quota_that_is_not_there_is_told_in_its_words(sale: Sale) -> None:
    with pytest.raises(ShopRefusedError, match="quota"):
        sale.shop.put(replace(sale.order(), quota=sale.quota + 1000))


@pytest.mark.parametrize(("mode", "value"), [("subtract", "49.99"), ("set", "50.00")])
def test_an_amount_for_an_item_is_written_and_read(sale: Sale, mode: PriceMode, value: str) -> None:
    (item,) = sale.pretix.ask(f"events/{sale.slug}/items/")["results"]
    pricing = Pricing(mode, Decimal("99.99"))
    shop, order = (
        replace(sale.shop, pricing=pricing),
        replace(sale.order(), quota=None, item=item["id"], pricing=pricing),
    )
    assert shop.put(order) == Placed(order.code)
    assert shop.put(order) == AlreadyThere(order.code)

    (made,) = sale.vouchers()
    assert (made["price_mode"], made["value"]) == (mode, value)
    assert (made["item"], made["quota"]) == (item["id"], None)
    assert [voucher.percent for voucher in shop.vouchers(tag="recognition")] == [50]


def test_a_wrong_token_and_a_wrong_event_want_a_person(sale: Sale) -> None:
    with pytest.raises(ShopRefusedError, match=r"40[134]"):
        replace(sale.shop, event="no-such-event").put(sale.order())
    (sale.settings.data / "token").write_text("x" * 64)
    with pytest.raises(ShopRefusedError, match="token is not accepted"):
        sale.connect().put(sale.order())


def test_a_tag_of_more_than_one_page_is_listed_whole(sale: Sale) -> None:
    fields = {"max_usages": 1, "price_mode": "percent", "value": "50.00", "quota": sale.quota}
    batch = [fields | {"code": f"CODE-{number}", "tag": "recognition"} for number in range(60)]
    sale.pretix.ask(f"events/{sale.slug}/vouchers/batch_create/", batch)
    found = sale.shop.vouchers(tag="recognition")
    assert {voucher.code for voucher in found} == {f"CODE-{number}" for number in range(60)}
    assert sale.shop.vouchers(tag="press") == ()


def test_grants_reach_the_shop_after_it_was_down_and_the_books_agree(sale: Sale, tmp_path: Path) -> None:
    rule = SHOP | {"url": sale.pretix.url, "event": sale.slug, "quota": sale.quota}
    office = Office(tmp_path, by=policy(shop=rule))
    outbox = Outbox(sale.settings, engine=office.registration.engine, clock=office.clock)
    granted = {str(office.redeem().voucher) for _ in range(3)}
    sale.pretix.stop()
    try:
        assert outbox.deliver_due().placed == 0
        with pytest.raises(ShopUnreachableError):
            shops.check(office.policy, settings=sale.settings, engine=office.registration.engine)
    finally:
        sale.pretix.start()
    office.clock.pass_by(minutes=1)
    assert outbox.deliver_due().placed == 3

    found = shops.check(office.policy, settings=sale.settings, engine=office.registration.engine)
    assert (found.granted, found.in_shop, found.differences) == (3, 3, ())
    assert {voucher["code"] for voucher in sale.vouchers()} == granted
    office.registration.engine.dispose()


# A ticket is bought with a voucher, in the shop's own pages


class Buyer:
    """Somebody with a browser of their own in the shop of one event."""

    def __init__(self, sale: Sale) -> None:
        self.shop = f"http://{sale.pretix.host}/foundation/{sale.slug}"
        self.browser = httpx.Client(follow_redirects=True, timeout=60)

    def take(self, voucher: str, *, item: int) -> httpx.Response:
        """Put the ticket into the cart, with the voucher."""
        page = self.browser.get(f"{self.shop}/redeem", params={"voucher": voucher})
        if "csrfmiddlewaretoken" not in page.text or f"item_{item}" not in page.text:
            return page
        return self.send(page, f"{self.shop}/cart/add", {"_voucher_code": voucher, f"item_{item}": "1"})

    def check_out(self) -> httpx.Response:
        """From the cart to an order: the address, then the last button."""
        page = self.browser.get(f"{self.shop}/checkout/start")
        page = self.send(page, str(page.url), {"email": "ada@people.example"})
        return self.send(page, str(page.url), {})

    def send(self, page: httpx.Response, url: str, fields: dict[str, str]) -> httpx.Response:
        """A form of this page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None, page.text[:2000]
        return self.browser.post(
            url, data=fields | {"csrfmiddlewaretoken": token[1]}, headers={"Referer": str(page.url)}
        )


def test_a_ticket_is_bought_with_a_voucher_once(sale: Sale) -> None:
    order = replace(sale.order(), percent=100)
    sale.shop.put(order)
    manage(sale.pretix.folder, "shell", typed=GO_LIVE.format(slug=sale.slug))
    (item,) = sale.pretix.ask(f"events/{sale.slug}/items/")["results"]

    first, second = Buyer(sale), Buyer(sale)
    first.take(order.code, item=item["id"])
    done = first.check_out()
    assert "/order/" in str(done.url), done.text
    (bought,) = sale.pretix.ask(f"events/{sale.slug}/orders/")["results"]
    (ticket,) = bought["positions"]
    (voucher,) = sale.vouchers()
    assert (bought["status"], bought["total"], ticket["voucher"]) == ("p", "0.00", voucher["id"])
    assert (voucher["redeemed"], voucher["max_usages"]) == (1, 1)

    refused = second.take(order.code, item=item["id"])
    assert "already been used" in refused.text
    assert len(sale.pretix.ask(f"events/{sale.slug}/orders/")["results"]) == 1
    (ours,) = sale.shop.vouchers(tag="recognition")
    assert ours.is_used and not ours.is_usable(now=datetime.now(UTC))
    first.browser.close()
    second.browser.close()
