"""A ticket shop's voucher code, derived and never drawn: a lost answer cannot mint a second one.

The code is base32 of an HMAC over length-prefixed (event, entitlement, holder, generation) with one random
secret of this installation. The same grant always has the same code, and nobody without the secret can guess
one. The secret is read by `service`; selling with the code is the shop's affair.
"""

import base64
import hmac
import os
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode

from schemas.event_policy import EventPolicy, PretixShop
from verifier.registration.errors import VoucherSecretError

SECRET_BYTES = 32
CODE_CHARACTERS = 20  # 100 bits: nobody guesses one, and a person can still type it
_CODE_BYTES = 15  # of the digest: whole groups of base32, and enough for the characters
_GROUP = 5


def code_for(secret: bytes, *, event: str, entitlement: str, holder: Iterable[str], generation: int = 1) -> str:
    """The voucher of one grant, such as `K7QDM-…`. `holder`: (issuer, reference); a staff re-issue is the next
    `generation`.
    """
    fields = [field.encode() for field in (event, entitlement, *holder, str(generation))]
    message = b"".join([len(data).to_bytes(4, "big") + data for data in fields])
    digest = hmac.digest(secret, b"badgewright voucher" + message, "sha256")
    text = base64.b32encode(digest[:_CODE_BYTES]).decode("ascii")[:CODE_CHARACTERS]
    return "-".join([text[at : at + _GROUP] for at in range(0, CODE_CHARACTERS, _GROUP)])


def shop_link(policy: EventPolicy, voucher: str | None) -> str | None:
    """Where a voucher is put into the shop's basket by itself, if the event's file says where its shop is."""
    shop = policy.shop
    if voucher is None or shop is None:
        return None
    if shop.link:
        return shop.link.replace("{voucher}", quote(voucher, safe=""))
    if isinstance(shop, PretixShop) and shop.url:
        place = f"{shop.url.rstrip('/')}/{shop.organizer}/{shop.event}"
        return f"{place}/redeem?{urlencode({'voucher': voucher})}"
    return None


def read_secret(file: Path, *, may_make: Callable[[], bool]) -> bytes:
    """The installation's secret; made on first use, readable by its owner only.

    Raises:
        VoucherSecretError: it is damaged, or it is gone although vouchers were made (`may_make()` is False).
    """
    try:
        found = file.stat()
        secret = _read(file, found.st_mtime_ns, found.st_ino, found.st_size)
    except FileNotFoundError:
        if not may_make():
            raise VoucherSecretError(
                f"{file} is gone, and vouchers were made with it: bring it back from the backup."
            ) from None
        return _make_secret(file)
    except OSError as error:
        raise VoucherSecretError(f"{file} cannot be read: {error.strerror}.") from error
    if len(secret) != SECRET_BYTES:
        raise VoucherSecretError(f"{file} is damaged: {SECRET_BYTES} bytes were expected, not {len(secret)}.")
    return secret


@lru_cache(maxsize=8)  # it is needed for every grant, and as long as it is the same file it is the same secret
def _read(file: Path, _changed: int, _number: int, _size: int) -> bytes:
    return file.read_bytes()


def _make_secret(file: Path) -> bytes:
    """Written whole beside its place, then linked into it: of two makers one wins, and both use that one."""
    secret = secrets.token_bytes(SECRET_BYTES)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(secret)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(draft, file)
        except FileExistsError:
            return read_secret(file, may_make=lambda: False)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise VoucherSecretError(f"{file} cannot be made: {error.strerror}.") from error
    return secret
