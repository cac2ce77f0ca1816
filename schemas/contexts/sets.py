"""The contexts with which documents are read: a fixed set of URLs, each with exactly one meaning.

Nothing outside the set exists: no URL is ever fetched (STANDARDS c4). An operator may add contexts of their own,
pinned by hash; reading the directory in which they lie is for whoever has a disk. What a context does to a
document is `schemas.jsonld.context`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, Self

from schemas import strict_json
from schemas.contexts import published
from schemas.contexts.errors import ContextSetError
from schemas.contexts.published import PUBLISHED, PublishedContext
from schemas.strict_json import JsonValue

DIRECTORY_INDEX: Final = "contexts.json"
MAX_ADDED_CONTEXTS: Final = 100  # an operator knows each of theirs; more is a mistake

_ABSOLUTE_URL: Final = re.compile(r'https?://[^\s<>"{}|\\^`/?#]+[^\s<>"{}|\\^`]*')
_FILE_NAME: Final = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
)  # never a path: the index may be a stranger's
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, eq=False)
class ContextSet:
    """Contexts by URL. Two sets are equal if they hold the same bytes under the same URLs.

    `name`: for people; `digest`: SHA-256 (hex) over all URLs and the digests of their files.
    """

    name: str
    members: Mapping[str, PublishedContext] = field(repr=False)
    digest: str

    @classmethod
    def of(cls, *members: PublishedContext, name: str) -> Self:
        """The set of these contexts; a later one takes the place of an earlier one with its URL."""
        by_url = {member.url: member for member in members}
        lines = "".join(f"{url} {by_url[url].digests[0]}\n" for url in sorted(by_url))
        return cls(name, MappingProxyType(by_url), hashlib.sha256(lines.encode()).hexdigest())

    def extended(self, added: Mapping[str, tuple[bytes, str]], *, name: str) -> Self:
        """This set and an operator's own contexts: URL -> (the file's bytes, the SHA-256 that they must have, in
        hex).

        Raises:
            ContextSetError: too many, a URL that is none or is known already, other bytes than promised, or no
                JSON object with a member `@context`.
        """
        if len(added) > MAX_ADDED_CONTEXTS:
            raise ContextSetError(f"There are {len(added)} contexts to add; at most {MAX_ADDED_CONTEXTS} may be.")
        more = [self._checked(url, data=data, expected=expected) for url, (data, expected) in added.items()]
        return self.of(*self.members.values(), *more, name=name)

    def with_directory(self, index: bytes, *, read: Callable[[str], bytes], name: str) -> Self:
        """This set and the contexts of a directory: `index` holds the bytes of its `contexts.json`, which maps
        each URL to `{"file": name, "sha256": hex}`; `read` gives the bytes of a file in the directory by its plain
        name.

        Raises:
            ContextSetError: the index is malformed, or as for `extended`. What `read` raises passes through.
        """
        added: dict[str, tuple[bytes, str]] = {}
        for url, entry in _index(index).items():
            if not isinstance(entry, dict) or entry.keys() != {"file", "sha256"}:
                raise ContextSetError(f"{DIRECTORY_INDEX}: the entry of {url!a:.200} needs file and sha256 only.")
            file, sha256 = entry["file"], entry["sha256"]
            if not isinstance(file, str) or not _FILE_NAME.fullmatch(file):
                raise ContextSetError(f"{DIRECTORY_INDEX}: the file of {url!a:.200} must be a plain file name.")
            if not isinstance(sha256, str) or not _SHA256_HEX.fullmatch(sha256):
                raise ContextSetError(f"{DIRECTORY_INDEX}: the sha256 of {url!a:.200} must be 64 hex digits.")
            added[url] = read(file), sha256
        return self.extended(added, name=name)

    def get(self, url: str) -> JsonValue:
        """The value of `@context` in the file at `url`; None if it is not in the set. It must not be changed."""
        if url not in self.members:
            return None
        if url not in self._built:
            self._built[url] = self.members[url].build()
        return self._built[url]

    @cached_property
    def _built(self) -> dict[str, JsonValue]:
        return {}

    def _checked(self, url: str, *, data: bytes, expected: str) -> PublishedContext:
        if not _ABSOLUTE_URL.fullmatch(url):
            raise ContextSetError(f"A context cannot be added as {url!a:.200}: an http or https URL was expected.")
        if url in self.members or any(url == known.url for known in PUBLISHED):
            raise ContextSetError(f"The context {url!a:.200} is known already, and cannot be replaced.")
        if hashlib.sha256(data).hexdigest() != expected.lower():
            raise ContextSetError(
                f"The context {url!a:.200} is not the file that was pinned: its SHA-256 differs."
            )
        try:
            value = strict_json.loads_object(data)
        except strict_json.StrictJsonError as error:
            raise ContextSetError(f"The context {url!a:.200} cannot be read: {error}") from error
        if not isinstance(value.get("@context"), dict | list | str):
            raise ContextSetError(f"The file of the context {url!a:.200} has no member @context.")
        return PublishedContext(url, _digests(data), lambda: value["@context"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContextSet) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def _index(data: bytes) -> dict[str, JsonValue]:
    try:
        return strict_json.loads_object(data)
    except strict_json.StrictJsonError as error:
        raise ContextSetError(f"{DIRECTORY_INDEX} cannot be read: {error}") from error


def _digests(data: bytes) -> tuple[str, ...]:
    return tuple(published.sri(hashlib.new(name, data).digest(), name) for name in published.HASHES)


# k1: a badge may use the terms of the newer revision, so verifying knows them; but what we sign must mean the same
# to a verifier that has only the older one, so signing does not.
_SHARED: Final = tuple(context for context in PUBLISHED if context is not published.OPEN_BADGES_3_0_3_OF_JUNE_2026)
SIGNING: Final = ContextSet.of(*_SHARED, name="signing")
VERIFYING: Final = ContextSet.of(*_SHARED, published.OPEN_BADGES_3_0_3_OF_JUNE_2026, name="verifying")
BUNDLED: Final = VERIFYING
