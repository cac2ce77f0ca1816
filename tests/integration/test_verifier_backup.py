"""A verifying office out of its backup knows each discount that it gave, and derives the same vouchers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.verifier.registration.test_service import ISSUER, Office
from verifier.registration.service import Redemption

ROOT = Path(__file__).resolve().parents[2]


def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from verifier.start import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def badge(number: int) -> str:
    return ISSUER.token(ISSUER.document(reference=f"urn:uuid:0d6f7a54-0000-4000-8000-{number:012d}"))


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Redemption]:
    """An office that gave one discount, with something that may not leave the machine in a backup."""
    data = tmp_path / "verifier"
    data.mkdir()
    (data / "passphrase").write_text("horses and staples\n")
    (data / "events").mkdir()
    (data / "events" / "other.yaml").write_text("# an event\n")
    office = Office(data)
    redemption = office.redeem(badge(0), request_id="the first")
    assert redemption.result == "granted"
    office.registration.engine.dispose()
    return data, redemption


def test_who_redeemed_before_the_backup_has_redeemed_after_the_restore(
    given: tuple[Path, Redemption], tmp_path: Path
) -> None:
    data, first = given
    done = typed("backup", str(tmp_path / "office.backup"), "--data", str(data))
    assert done.returncode == 0, done.stderr
    restored = tmp_path / "restored"
    done = typed("restore", str(tmp_path / "office.backup"), "--data", str(restored))
    assert done.returncode == 0, done.stderr
    assert (restored / "events" / "other.yaml").read_text() == "# an event\n"
    assert not (restored / "passphrase").exists()
    assert (restored / "voucher.secret").read_bytes() == (data / "voucher.secret").read_bytes()
    office = Office(restored)
    assert office.redeem(badge(0)).result == "already_redeemed"
    again = office.redeem(badge(0), request_id="the first")
    assert again.voucher == first.voucher  # the same request, the same answer
    assert office.redeem(badge(1)).result == "granted"
    office.registration.engine.dispose()
    assert typed("audit", "verify", "--data", str(restored)).returncode == 0


def test_what_cannot_be_restored_is_said_in_one_sentence_and_leaves_nothing(
    given: tuple[Path, Redemption], tmp_path: Path
) -> None:
    data, _ = given
    backup = tmp_path / "office.backup"
    assert typed("backup", str(backup), "--data", str(data)).returncode == 0
    again = typed("backup", str(backup), "--data", str(data))
    assert again.returncode != 0 and "is there already" in again.stderr
    full = typed("restore", str(backup), "--data", str(data))
    assert full.returncode != 0 and "is not empty" in full.stderr
    whole = backup.read_bytes()
    backup.write_bytes(whole[: len(whole) // 2])
    damaged = typed("restore", str(backup), "--data", str(tmp_path / "new"))
    assert damaged.returncode != 0 and "is damaged, or no backup" in damaged.stderr
    assert "Something unexpected" not in damaged.stderr
    assert not (tmp_path / "new").exists()
    nothing = typed("backup", str(tmp_path / "another"), "--data", str(tmp_path / "nobody"))
    assert nothing.returncode != 0 and "has none" in nothing.stderr
