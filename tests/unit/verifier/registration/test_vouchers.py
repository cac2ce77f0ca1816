"""Voucher codes: derived, so that a lost answer cannot mint a second one."""

from pathlib import Path

import pytest

from verifier.registration.errors import VoucherSecretError
from verifier.registration.vouchers import code_for, read_secret

SECRET = bytes(32)


def code(**changes: str) -> str:
    fields = {"event": "summit", "entitlement": "ticket", "issuer": "did:web:a", "reference": "urn:uuid:b"}
    fields |= changes
    return code_for(
        SECRET,
        event=fields["event"],
        entitlement=fields["entitlement"],
        holder=(fields["issuer"], fields["reference"]),
    )


def test_the_same_grant_always_has_the_same_code() -> None:
    assert code() == code() == "CTFYH-H3XWL-P3VOO-UX6SB"


@pytest.mark.parametrize("field", ["event", "entitlement", "issuer", "reference"])
def test_every_field_changes_the_code(field: str) -> None:
    assert code(**{field: "other"}) != code()


def test_fields_cannot_run_into_each_other() -> None:
    assert code(event="ab", entitlement="c") != code(event="a", entitlement="bc")


def test_a_reissue_by_staff_is_another_code() -> None:
    one = code_for(SECRET, event="e", entitlement="t", holder=("i", "r"))
    assert code_for(SECRET, event="e", entitlement="t", holder=("i", "r"), generation=2) != one


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "voucher.secret"
    secret = read_secret(file, may_make=lambda: True)

    assert len(secret) == 32
    assert read_secret(file, may_make=lambda: True) == secret
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_gone_after_the_first_voucher_is_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(VoucherSecretError, match="backup"):
        read_secret(tmp_path / "voucher.secret", may_make=lambda: False)


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "voucher.secret"
    file.write_bytes(b"short")

    with pytest.raises(VoucherSecretError, match="damaged"):
        read_secret(file, may_make=lambda: True)
