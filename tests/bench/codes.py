"""A badge as a QR code: how large it packs, what its picture costs, and what a desk's camera reads of it.

Sizes are of badges that our own preparation makes, with long names and names in other scripts in half of them.
Frames are drawn in a desk's light (`tests.browser.frames`) and read by the page's reader, beside zxing-cpp alone.
"""

import contextlib
import io
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import zxingcpp
from PIL import Image

from issuer.badges import awarding, issuance, preparation
from issuer.badges import service as badges
from issuer.badges.issuing import contents, drafting
from issuer.badges.model import Purpose
from issuer.badges.preparation import Particulars, StatusEntry
from issuer.delivery import codes
from keys import browser
from schemas import badge_qr, identity
from schemas.badge_qr import Dictionary
from schemas.identity import HOLDER_CODE_TYPE
from tests.bench.measuring import Row, microseconds, row
from tests.browser import frames
from tests.unit.issuer.office import NOW, open_office

AMOUNT = 300
FRAMES = 12  # of each kind of code at each share of the frame
PURPOSES: tuple[Purpose, ...] = ("revocation", "suspension")
VERSIONS = (11, 12, 13, 14, 15)
NAMES = (
    *("Ada Example", "Bo Li", "Grace Brewster Murray Hopper", "Maximiliana Theodora Wolkenstein-Trostburg"),
    *("歐陽 思遠", "Анна Сергеевна Преображенская-Островская", "José Ángel Núñez", "Nguyễn Thị Minh Khai"),
    *("山本 五十六郎左衛門", "Христина Олександрівна Голованівська"),
)


def rows() -> Iterator[Row]:
    """Sizes, pictures, reading."""
    yield from _sizes()
    yield from _pictures()
    if browser.is_whole() and shutil.which("node"):
        yield from _reading()


def _sizes() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        cover, dictionary = _template(Path(folder))
    named = [_packed(cover, dictionary, random.Random(n), name=_name(n), mailed=True) for n in range(AMOUNT)]
    lean = [_packed(cover, dictionary, random.Random(n)) for n in range(AMOUNT)]
    for words, sizes in (("with name and address", sorted(named)), ("lean", sorted(lean))):
        nearly_all = sizes[round(AMOUNT * 0.99) - 1]
        yield row(f"packed badge {words}, median of {AMOUNT}", statistics.median(sizes), "bytes")
        yield row(f"packed badge {words}, 99 %", nearly_all, "bytes")
        yield row(f"packed badge {words}, 99 %, as desk form", _version(nearly_all, "desk"), "QR version")
        yield row(f"packed badge {words}, 99 %, as URL form", _version(nearly_all, "url"), "QR version")


def _template(folder: Path) -> tuple[preparation.Cover, Dictionary]:
    """What all badges of one achievement have in common, and its dictionary, of a badge that was really issued."""
    office = open_office(folder, people="name,email,accounts\nAda Example,ada@books.example,\n")
    awarding.award_by_hand(
        office.engine, list(office.people.values()), tier="recognised", decision="a bench", reason="to measure",
        decided_by=next(iter(office.people.values())), policy=office.policy, now=NOW,
    )  # fmt: skip
    issuance.issue(office.bureau, now=NOW)
    (badge,) = badges.all_badges(office.engine)
    cover = contents.cover_of(office.bureau, badge.award)
    ((dictionary, _, _),) = badges.dictionaries(office.engine)
    office.engine.dispose()
    return cover, dictionary


def _packed(
    cover: preparation.Cover,
    dictionary: Dictionary,
    chance: random.Random,
    *,
    name: str | None = None,
    mailed: bool = False,
) -> int:
    salt = chance.randbytes(drafting.SALT_BYTES).hex()
    code = identity.hashed(f"{chance.getrandbits(128):x}", identity_type=HOLDER_CODE_TYPE, salt=salt)
    address = preparation.address_hash(f"{chance.getrandbits(64):x}@people.example", salt=salt) if mailed else None
    entries = tuple(
        StatusEntry(purpose, f"https://badges.example.org/status-lists/{number}", chance.randrange(131_072))
        for number, purpose in enumerate(PURPOSES, start=1)
    )
    particulars = Particulars(
        credential_id=f"urn:uuid:{UUID(int=chance.getrandbits(128))}",
        reference=f"urn:uuid:{UUID(int=chance.getrandbits(128))}",
        holder_code=code,
        valid_from=NOW - timedelta(seconds=chance.randrange(9_000_000)),
        awarded=NOW,
        status=entries,
        name=name,
        address=address,
    )
    return badge_qr.packed_size(preparation.prepare(cover, particulars).claims, dictionary=dictionary)


def _name(number: int) -> str:
    chance = random.Random(number)
    return chance.choice(NAMES) if number % 2 else f"{chance.choice(NAMES[:2])} {chance.getrandbits(24):x}"


def _version(size: int, form: badge_qr.Form) -> int:
    return badge_qr.smallest_version(size, form=form) or 99


def _pictures() -> Iterator[Row]:
    text = codes.text_for_phones(secrets.token_bytes(300), host="badges.example.org")
    spent = microseconds(lambda: codes.png(text))
    yield row("picture of a code in the URL form, zxing-cpp", spent, "CPU microseconds")
    yield row("the same with qrcode", microseconds(lambda: frames.code(text)), "CPU microseconds")


def _reading() -> Iterator[Row]:
    """Of each kind of code, how many frames the page reads of those that zxing-cpp reads; and whether any text was
    another one."""
    with tempfile.TemporaryDirectory() as folder:
        for version in VERSIONS:
            text = badge_qr.to_desk_text(_bytes_for(version))
            flat, made = frames.code(text)
            assert made == version
            for fill in frames.FILLS:
                seen = [frames.seen(flat, fill=fill, seed=seed) for seed in range(FRAMES)]
                here = [text in _read(picture) for picture in seen]
                there = read_in_the_page([picture.tobytes() for picture in seen], Path(folder))
                wrong = [found for one in there for found in one if found != text]
                read = [text in one for one in there]
                lost = sum(mine and not its for mine, its in zip(here, read, strict=True))
                name = f"V{version}-M, {fill:.0%} of the frame: frames read of {FRAMES}"
                yield row(name, sum(read), "frames", baseline=max(sum(here), 1))
                yield row(f"{name}, read by zxing-cpp and not by the page", lost, "frames")
                yield row(f"{name}, texts that are wrong", len(wrong), "texts")


def _bytes_for(version: int) -> bytes:
    """A packed badge that just needs this version as desk form."""
    sizes = range(badge_qr.MIN_PACKED_BYTES, badge_qr.HARD_LIMIT_URL_BYTES)
    size = max(size for size in sizes if badge_qr.smallest_version(size, form="desk") == version)
    return os.urandom(size)


def _read(picture: Image.Image) -> list[str]:
    return [
        code.text
        for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    ]


def read_in_the_page(pictures: Sequence[bytes], folder: Path) -> list[list[str]]:
    """The texts that the page's reader finds in each raw grey frame."""
    paths = [folder / f"{number}.raw" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(picture)
    script = Path(frames.__file__).with_name("read_frames.mjs")
    done = subprocess.run(
        ["node", str(script)], input="\n".join(map(str, paths)), capture_output=True, text=True, check=True
    )
    return [json.loads(line)["texts"] for line in done.stdout.splitlines()]
