"""The command line as it is typed: exit codes, one sentence on standard error, and what it leaves behind."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from schemas import badge_qr, strict_json
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import HOLDER_CODE, IssuerSimulator

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
ISSUER = IssuerSimulator(now=NOW, revoked={7})
STARTS, ENDS = f"{NOW.year}-01-01", f"{NOW.year}-12-31"


class Desk:
    """A folder in which commands are typed, with a published folder and some badges in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ISSUER.write(folder / "published")
        good = ISSUER.token(ISSUER.document(starts=STARTS, ends=ENDS))
        self.put("good.jwt", good)
        self.put("good.txt", badge_qr.to_url_text(ISSUER.packed(good), host="badges.example.org"))
        self.put("tampered.jwt", good[:-4] + "AAAA")
        secured = ISSUER.secured(ISSUER.document(starts=STARTS, ends=ENDS))
        self.put("good.json", strict_json.dumps(secured))
        self.put("tampered.json", strict_json.dumps(secured | {"name": "Sustained 2027"}))
        self.put("revoked.jwt", ISSUER.token(ISSUER.document(index=7, starts=STARTS, ends=ENDS)))
        self.put("event.yaml", self.event().decode())

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def event(self) -> bytes:
        return document(
            redeem={"opens": datetime(2020, 1, 1, tzinfo=UTC), "closes": datetime(2099, 1, 1, tzinfo=UTC)},
            period={"policy": "community-recognition", "starts": date(NOW.year, 1, 1)},
            budget={"factor": 1, "frozen_at": date(2019, 1, 1), "eligible": 10, "expected_take_up": 1},
        )

    def type(self, *words: str, typed: bytes = b"") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from verifier.cli import main; main()", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            input=typed,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def verify(self, file: str, *more: str, typed: bytes = b"") -> subprocess.CompletedProcess[str]:
        return self.type("verify", file, "--offline-dir", "published", *more, typed=typed)

    def redeem(self, file: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.type("redeem", file, "--event", "event.yaml", "--offline-dir", "published", *more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_verify_says_valid_and_leaves_no_folder(desk: Desk) -> None:
    before = sorted(desk.folder.iterdir())
    done = desk.verify("good.jwt")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ Valid")
    assert sorted(desk.folder.iterdir()) == before


def test_verify_reads_a_badge_with_its_proof_inside(desk: Desk) -> None:
    done = desk.verify("good.json")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ Valid")


def test_verify_prints_one_json_object(desk: Desk) -> None:
    told = json.loads(desk.verify("good.txt", "--json").stdout)

    assert told["verdict"] == "valid"
    assert told["form"] == "qr_text"
    assert told["issuer"] == ISSUER.did
    assert told["name"] == "Ada Example"
    assert {check["state"] for check in told["checks"]} == {"pass"}


def test_verify_reads_standard_input(desk: Desk) -> None:
    assert desk.verify("-", typed=(desk.folder / "good.jwt").read_bytes()).returncode == 0


@pytest.mark.parametrize("file", ["tampered.jwt", "tampered.json", "revoked.jwt"])
def test_a_badge_that_is_not_valid_exits_1(desk: Desk, file: str) -> None:
    done = desk.verify(file)

    assert done.returncode == 1
    assert done.stdout.startswith("✕ Not valid")


def test_an_issuer_that_published_nothing_exits_2(desk: Desk) -> None:
    (desk.folder / "published" / "badges.example.org" / ".well-known" / "did.json").unlink()
    done = desk.verify("good.jwt", "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["verdict"] == "unknown"


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "missing.jwt"),
        ("verify", "event.yaml"),
        ("verify",),
        ("verify", "good.jwt", "--offline-dir", "missing"),
        ("verify", "good.jwt", "--exempt-host", "localhost"),
        ("verify", "good.jwt", "--nonsense"),
        ("nonsense",),
        ("redeem", "good.jwt"),
        ("redeem", "good.jwt", "--event", "unknown-event"),
        ("redeem", "good.jwt", "--event", "missing.yaml"),
        ("event", "add", "good.jwt"),
        ("event", "add", "missing.yaml"),
        ("desk", "link", "unknown-event"),
        ("serve", "--port", "0"),
        ("serve", "--public-url", "http://verify.example.org"),
    ],
)
def test_misuse_exits_3_with_a_sentence_and_no_traceback(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.type(*words)

    assert done.returncode == 3, done
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr


def test_wrong_settings_name_their_file_and_field(desk: Desk) -> None:
    (desk.folder / "data").mkdir()
    desk.put("data/verifier.yaml", "exempt: []\n")
    done = desk.verify("good.jwt", "--data", "data")

    assert done.returncode == 3
    assert "verifier.yaml" in done.stderr
    assert "'exempt'" in done.stderr


def test_redeem_grants_once_without_any_preparation(desk: Desk) -> None:
    first = desk.redeem("good.jwt", "--holder-code", HOLDER_CODE, "--json")
    second = desk.redeem("good.jwt", "--holder-code", HOLDER_CODE, "--json")

    told = json.loads(first.stdout)
    assert (first.returncode, told["result"], told["percent"]) == (0, "granted", 50)
    assert told["voucher"]
    assert (second.returncode, json.loads(second.stdout)["result"]) == (1, "already_redeemed")


def test_a_request_id_repeats_its_answer(desk: Desk) -> None:
    words = ("--holder-code", HOLDER_CODE, "--request-id", "one", "--json")
    first, again = desk.redeem("good.jwt", *words), desk.redeem("good.jwt", *words)

    assert again.returncode == 0
    assert json.loads(again.stdout)["voucher"] == json.loads(first.stdout)["voucher"]


def test_a_stolen_copy_is_refused_and_exits_1(desk: Desk) -> None:
    without = desk.redeem("good.jwt", "--json")
    wrong = desk.redeem("good.jwt", "--holder-code", "0000", "--json")

    assert (without.returncode, json.loads(without.stdout)["reason"]) == (1, "proof_needed")
    assert (wrong.returncode, json.loads(wrong.stdout)["result"]) == (1, "refused")


def test_redeeming_what_could_not_be_verified_exits_2(desk: Desk) -> None:
    (desk.folder / "published" / "badges.example.org" / "status-lists" / "1").unlink()
    done = desk.redeem("good.jwt", "--holder-code", HOLDER_CODE, "--json")

    assert (done.returncode, json.loads(done.stdout)["result"]) == (2, "could_not_tell")


def test_an_event_is_added_and_redeemed_by_its_id_and_gets_a_desk(desk: Desk) -> None:
    assert desk.type("event", "add", "event.yaml").returncode == 0
    link = desk.type("desk", "link", "summit-2027")
    words = ("--event", "summit-2027", "--holder-code", HOLDER_CODE, "--offline-dir", "published")

    assert (link.returncode, link.stdout[:6]) == (0, "/desk/")
    assert desk.type("redeem", "good.txt", *words).returncode == 0


def test_a_code_is_unpacked_with_the_dictionary_of_a_named_issuer_only(desk: Desk) -> None:
    """Without a published folder nobody is asked for a dictionary unless somebody names the issuer."""
    assert desk.type("verify", "good.txt").returncode == 2


def test_help_loads_nothing_heavy(desk: Desk) -> None:
    code = (
        "import sys, contextlib, io\n"
        "sys.argv = ['badge-verifier', '--help']\n"
        "from verifier.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()\n"
        "print(sorted({'fastapi', 'sqlalchemy', 'pydantic', 'PIL', 'zxingcpp', 'uvicorn'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
