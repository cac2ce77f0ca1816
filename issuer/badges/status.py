"""The status list that the issuer publishes (Bitstring Status List 1.0 §2.2). Pure.

A list names nobody: it is a row of bits, at least 131,072 of them, at random places. It is signed by a key of its
own, as a document with its proof inside, or as a token for whoever asks for one (`documents`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas import status_list
from schemas.credential import VC_CONTEXT
from schemas.strict_json import JsonObject
from schemas.timestamps import show

ENTRIES = status_list.MINIMUM_ENTRIES
FILL_AT_MOST = ENTRIES // 2  # a fuller list would make finding a random free place slow
TTL = timedelta(minutes=1)  # how long a verifier may keep its copy: so soon is a withdrawal known everywhere
VALID_FOR = timedelta(days=7)  # how long a programme may go without publishing before verifiers stop trusting


def list_document(
    *, url: str, did: str, purpose: str, indexes: Iterable[int], now: datetime, is_last: bool = False
) -> JsonObject:
    """One list as an unsigned credential, for whichever form secures it: bit `i` is set for each index. `is_last`:
    no other one will ever follow, so it has no end.
    """
    bits = status_list.from_indexes(indexes, entries=ENTRIES)
    made = _list_document(url=url, did=did, purpose=purpose, bits=bits, now=now)
    if is_last:
        del made["validUntil"]
    return made


def _list_document(*, url: str, did: str, purpose: str, bits: bytes, now: datetime) -> JsonObject:
    return {
        "@context": [VC_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": did,
        "validFrom": show(now),
        "validUntil": show(now + VALID_FOR),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": status_list.encode(bits),
            "ttl": int(TTL.total_seconds() * 1000),
        },
    }
