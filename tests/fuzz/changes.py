"""How a good thing becomes another: changes of JSON values anywhere, and of bytes, as hypothesis strategies."""

import copy
from typing import Any

from hypothesis import strategies as st

_NAMES = (
    *("@context", "id", "type", "proof", "name", "issuer", "validFrom", "validUntil", "credentialSubject"),
    *("@id", "@type", "@graph", "@value", "@list", "@set", "@reverse", "@included", "@nest", "@language", "@json"),
    *("__proto__", "constructor", "", "extra", "credentialStatus", "holder", "vc", "iss", "cnf", "previousProof"),
    *("challenge", "domain", "created", "expires", "cryptosuite", "proofValue", "endorsement", "endorsementJwt"),
)
_CONTEXTS = (
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/2018/credentials/v1",
    "https://www.w3.org/ns/credentials/examples/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
    "https://w3id.org/security/data-integrity/v2",
)
_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from((*_NAMES, *_CONTEXTS, "urn:x:y", "_:b0", "did:web:thief.example", "2027-01-01T00:00:00Z")),
)
NAMES = st.one_of(st.sampled_from(_NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=4))
VALUES: st.SearchStrategy[Any] = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
_WAYS = ("replace", "remove", "insert", "rename", "wrap", "unwrap", "twice", "move", "turn", "letter", "copy")


@st.composite
def changed(draw: st.DrawFn, value: Any, *, times: int = 2) -> Any:
    """`value`, a JSON object, with one or a few changes somewhere in it."""
    made = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, times))):
        _change(draw, made)
    return made


@st.composite
def bent(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with a few bytes replaced, taken out, put in, doubled, or cut off."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        if not made:
            break
        at = draw(st.integers(0, len(made) - 1))
        way = draw(st.sampled_from(("replace", "remove", "insert", "double", "cut")))
        if way == "replace":
            made[at] = draw(st.integers(0, 255))
        elif way == "remove":
            del made[at : at + draw(st.integers(1, 8))]
        elif way == "insert":
            made[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif way == "double":
            made[at:at] = made[at : at + 40]
        else:
            del made[at:]
    return bytes(made)


def _containers(value: Any) -> list[Any]:
    found, pending = [], [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict | list):
            found.append(item)
            pending += item.values() if isinstance(item, dict) else item
    return [item for item in found if item]


def _change(draw: st.DrawFn, value: Any) -> None:
    containers = _containers(value)
    if not containers:
        return
    place = draw(st.sampled_from(containers))
    key: Any = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    way, there = draw(st.sampled_from(_WAYS)), place[key]
    if way == "remove":
        del place[key]
    elif way == "insert" and isinstance(place, dict):
        place[draw(NAMES)] = draw(VALUES)
    elif way == "insert":
        place.insert(key, draw(VALUES))
    elif way == "rename" and isinstance(place, dict):
        place[draw(NAMES)] = place.pop(key)
    elif way == "wrap":
        place[key] = [there] if draw(st.booleans()) else {draw(NAMES): there}
    elif way == "unwrap" and isinstance(there, list) and there:
        place[key] = there[0]
    elif way == "twice":
        place[key] = [there, copy.deepcopy(there)]
    elif way == "move":
        other = draw(st.sampled_from(containers))
        if isinstance(other, dict):
            other[draw(NAMES)] = copy.deepcopy(there)
        else:
            other.append(copy.deepcopy(there))
    elif way == "turn" and isinstance(place, dict):
        items = draw(st.permutations(list(place.items())))
        place.clear()
        place.update(items)
    elif way == "turn":
        place.reverse()
    elif way == "letter" and isinstance(there, str) and there:
        at = draw(st.integers(0, len(there) - 1))
        place[key] = there[:at] + draw(st.characters(exclude_categories=["Cs"])) + there[at + 1 :]
    elif way == "copy" and isinstance(there, dict):
        there.update(copy.deepcopy(draw(st.sampled_from([item for item in containers if isinstance(item, dict)]))))
    else:
        place[key] = draw(VALUES)
