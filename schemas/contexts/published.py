"""Which contexts are known here without any network: their URLs, and the digests of the bytes at these URLs.

A digest is over a file as it was published, not over our table that says the same (STANDARDS k4). What a context
defines is in the tables beside this module; sets of contexts to work with are in `contexts`.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemas.contexts import credentials, open_badges, security
from schemas.strict_json import JsonValue

HASHES: Final = ("sha256", "sha384", "sha512")

_OB: Final = "https://purl.imsglobal.org/spec/ob/v3p0"


@dataclass(frozen=True)
class PublishedContext:
    """One published file. `digests`: of its bytes by SHA-256, SHA-384 and SHA-512, as SRI texts (`sha256-` and
    base64); `build`: gives the value of its `@context`.
    """

    url: str
    digests: tuple[str, ...]
    build: Callable[[], JsonValue] = field(repr=False, compare=False)


CREDENTIALS_2: Final = PublishedContext(
    "https://www.w3.org/ns/credentials/v2",
    (
        "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=",
        "sha384-l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU",
        "sha512-XVVFK9Lc+KKfWikEc+skKxxft31OaPGgqoe6pNuiaUhS1l7GPUisBKmdlW+fcVO5QG+E0tBMdIabAsI5odgTBQ==",
    ),
    credentials.version_2,
)
CREDENTIALS_1: Final = PublishedContext(
    "https://www.w3.org/2018/credentials/v1",
    (
        "sha256-q03dmlMXWIB6eaW0UFENYa6NFH6rlmzJogDAcJWwzcw=",
        "sha384-gsOz6rhjdUu/0rnxfY1tufYRafMBy/CwXh/EvrX1xR3U0uiIwnT0nD+7JAj2H67R",
        "sha512-U2pAs5DdqUqeORlsAAkPYmaOgYT+PIwCxKIshWZuaL9uhdPcfy26hbK2Lvldl94kEyVo2FBNtD8snILS6IQY0g==",
    ),
    credentials.version_1,
)
EXAMPLES_2: Final = PublishedContext(
    "https://www.w3.org/ns/credentials/examples/v2",
    (
        "sha256-Vzk/vGnW77m5tdyctrmICwlENgq/4ur0WcnljPInnXw=",
        "sha384-zNNbQTWCSUSi0bbz7dbua+RcENv7C6FvlmYJ1Y+I727HsPOHdzwELMYO9Mz68M26",
        "sha512-jVYwl+qxI5Zr1/uIolZtGfs2kRLav96brf1VPAThAb6yMJGPWPW5J4gfezLRYEX4rA9gG0V07rCVIb+/nlOWaQ==",
    ),
    credentials.examples,
)
DATA_INTEGRITY_1: Final = PublishedContext(
    "https://w3id.org/security/data-integrity/v1",
    (
        "sha256-tdgpvQmqfEKrxu+gyO12NTE7VIfzfM/OPs0UnKlBhVQ=",
        "sha384-H3tRFUwstZa4BNPu3qu3Z4x+pNNvUgFJamgdvYaNXcDLkKiDn1FCzNyR/bksWtzy",
        "sha512-xJlRvZ8+j00jH85eRXmKLTL7fvSk8aLo0vPatdEDM6FCEzmXTudxWe2uJZ/Pc8fPE28eMATe1a8lrDiYPS6Oyg==",
    ),
    security.data_integrity_1,
)
DATA_INTEGRITY_2: Final = PublishedContext(
    "https://w3id.org/security/data-integrity/v2",
    (
        "sha256-Z/IebjOmwU5cz9L8eGX3R0+3GgSvfpQTbLOZ36yK6PQ=",
        "sha384-DuLXYmcX+LB81Em1JdXitx/icgn8meUwieAWndKUTXk/7qRSb8YLucyhzZZRI5H2",
        "sha512-Oc16mkBHt0uFJGQP41Yz6B6ChtFL27fnfQ4I2FCwDWo1sBhdXeNcR5uu2yOheYnZ9iislVMf3XnAxaD2Mtn6lQ==",
    ),
    security.data_integrity_2,
)
MULTIKEY_1: Final = PublishedContext(
    "https://w3id.org/security/multikey/v1",
    (
        "sha256-uiwYLeLZL35HGEvMqPzwvq7m05hsUnv2ZMGVu8fFhZc=",
        "sha384-D6UWQdEvuMcBsuapSSVW8l0yu0r4SpbxGAjwpiO5ckNN0YqPHxhlvGjY7gRsTlo+",
        "sha512-En0TOOp/cC10XtW/aQDtqKrEQZ2lRjGB/KAsJ+BQhRBufT7s6eoOFWvP9cP5nurTl3hcRTvFeffdVJapkeELXw==",
    ),
    security.multikey_1,
)
ED25519_2020: Final = PublishedContext(
    "https://w3id.org/security/suites/ed25519-2020/v1",
    (
        "sha256-ueGrlx/Yvyx1U+DEqUOOC5RQr94eocpbJJI2i59UlYg=",
        "sha384-CYsY9HK4Qs+nUgNk1AYqo8l4lsF6alrnLmv7UJZB5k7tlhVrNfd3EoPf06U8zXnR",
        "sha512-eWrn4mTWAEGf82G8Y9b8tPqdc1X1GqpfFd89yV4kGQDWFeqZVU9LhJgCzIKgFs4ClGUdrfCatReUmbR1wiHCig==",
    ),
    security.ed25519_2020,
)
DID_1: Final = PublishedContext(
    "https://www.w3.org/ns/did/v1",
    (
        "sha256-Tz6uVWjJxfA2oIIIj54ZIBnuBvqniXPIf/kdVCG4ja0=",
        "sha384-dfTez4F0pvLUDA3b2M37QwDq0kZttJMiWaSDpuEXdJMvFYgHhuH7wWxLOZ+Ykbkr",
        "sha512-7FUpU2fb467JAguIB9BZCnNdh83Ls1/wTvaFN6bQm+njweR86tdLhV01hPg61AjzTam5JWR+CElUqvf1SAeFjw==",
    ),
    security.did_1,
)
CONTROLLED_IDENTIFIERS_1: Final = PublishedContext(
    "https://www.w3.org/ns/cid/v1",
    (
        "sha256-6iFuzBywLNObaT26IlAUHicLoL+ViQvhB92ano5D3oU=",
        "sha384-Mn2STUpIUY61Ql6KlDCj8g2WeLsREc3b8P8qZ7hU7khcLvFJ381FFt/Br35zO+wY",
        "sha512-K0b8eUWXuqjlW4ViHnujgprInNp3dJa2D+RMCqHLv/0MTudwmi2ftNYlU4A0K0mhWsCz1uYISlUFxsxCU8NXyw==",
    ),
    security.controlled_identifiers_1,
)
OPEN_BADGES_3_0: Final = PublishedContext(
    f"{_OB}/context.json",
    (
        "sha256-sHf6E02QnZLB3NHBU/KvGyRK60FZZ/3BRn1/xd1IrBA=",
        "sha384-zHcVdFeEExngWrDZZX/hRBUKYmwfD9icDmOfWNRo7bVRNZfZ8URZMQyG7GuXW3TM",
        "sha512-bp9HiR9EWR3EMiRRNtrN2gFsG6mE+qeevdtMpp0oJzAf+/4uUTLQp1HTP9D7ljx0+nYWonGFCAJIxJrRHgNPKg==",
    ),
    open_badges.version_3_0,
)
OPEN_BADGES_3_0_1: Final = PublishedContext(
    f"{_OB}/context-3.0.1.json",
    (
        "sha256-1YLzVkKC+ztwkTbShBLnjnC2eLTbwvAiH2fYSTJ0g1U=",
        "sha384-QQ5NeMjyNs1GuL/RbZrkmNrh/E7r7w72eb2CG4f8MzTZb2tYXd4iZHGnuizJNnGV",
        "sha512-1cn+z5CLHXQ+V/HBT0+0mo50GCYTVbfR3Bdyxq9q+n/BVeMdFUx8sX9x+TxqRT5UEjTsQGvUPyRD3wcr6axutg==",
    ),
    open_badges.version_3_0_1,
)
OPEN_BADGES_3_0_2: Final = PublishedContext(
    f"{_OB}/context-3.0.2.json",
    (
        "sha256-AGZq0IC6QHaH7RhGt/XnSV9QGQQrICpyfeR8SKF1XFM=",
        "sha384-fgAKnHG+zBOzWVYEcNTRsA+NFUygUsVM3SDH3muHr1r8gqotLlcalL/3YrkVXqh0",
        "sha512-eLFELyXi7s7PTXsnTwYZ7ITM1rgeleewHlWJnVM+FDZ46fp4tMeMPjfBSoKcNlg4+jCkM3HUe2UUKTPfdY3Rmw==",
    ),
    open_badges.version_3_0_2,
)
OPEN_BADGES_3_0_3_OF_APRIL_2025: Final = PublishedContext(
    f"{_OB}/context-3.0.3.json",
    (
        "sha256-7y+px4RtziM8wWa0NjkCcni+TuRPALsdRcdd4t0M12E=",
        "sha384-yFn2wAoeABPuecHlzHVmtt+mwolxxGzhqzIhzfuitsbYbmMOVn0DwMeAvC+a1Rek",
        "sha512-77ErJ79hQCyiUeOVYmMQ3Ao9sHak1+Spvb75/vlnZV2bK8c7k+EuqCSMKDkE9NcAcGxzqa1iUv/G65B9l8cLdg==",
    ),
    open_badges.version_3_0_3_of_april_2025,
)
OPEN_BADGES_3_0_3_OF_JUNE_2026: Final = PublishedContext(
    f"{_OB}/context-3.0.3.json",
    (
        "sha256-PTT01O8bzmkRBuY3mL6157hiuoQUI/XuHlOrfd87yoQ=",
        "sha384-xY1z7c0sF+cBmF+RjMjGhEhfLFOZ/73crLPeV0TwkAAPJE5fhyksNTKYrM+w2JTj",
        "sha512-VWSMa0VKd3hA+UemOpzBFHCxLuyI1x/Tlxa60fHiJkGfSTXqR1uLyZDB0AQIb3xEqdFj3k+WdvzCZICnc+/AUA==",
    ),
    open_badges.version_3_0_3_of_june_2026,
)
OPEN_BADGES_EXTENSIONS: Final = PublishedContext(
    f"{_OB}/extensions.json",
    (
        "sha256-FG+Fqhbv/Xyh2oBW60Q/U84eyoo0GGywYoMsCpfYicM=",
        "sha384-z1mktLGQrnmIFKtryRHALv3ikcOGrtG7Eb1aVy0esmab/YcBnplDiNtQSgmsJE1e",
        "sha512-xMJYNcy/ddGvSoqtC7yj0ie5BM9GLgx/F2ed2Q/y4nuQ+6oVw6sVJWUUcc/wdvfOo9q/0+rjN4nkpMH1qydspg==",
    ),
    open_badges.extensions,
)

PUBLISHED: Final = (
    CREDENTIALS_2,
    CREDENTIALS_1,
    EXAMPLES_2,
    DATA_INTEGRITY_1,
    DATA_INTEGRITY_2,
    MULTIKEY_1,
    ED25519_2020,
    DID_1,
    CONTROLLED_IDENTIFIERS_1,
    OPEN_BADGES_3_0,
    OPEN_BADGES_3_0_1,
    OPEN_BADGES_3_0_2,
    OPEN_BADGES_3_0_3_OF_APRIL_2025,
    OPEN_BADGES_3_0_3_OF_JUNE_2026,
    OPEN_BADGES_EXTENSIONS,
)


def digests_of(url: str) -> tuple[str, ...]:
    """The digests, as SRI texts, of every revision of the file published at `url`; none if it is unknown here."""
    return tuple(digest for published in PUBLISHED if published.url == url for digest in published.digests)


def sri(digest: bytes, hash_name: str) -> str:
    """A digest as a hash-expression of Subresource Integrity."""
    return f"{hash_name}-{base64.b64encode(digest).decode()}"
