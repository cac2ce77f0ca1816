"""Webhooks: another system says that there is something to read. Pure.

Who knocks is checked over the raw bytes, before anything is parsed; what they tell is never believed, since the
source is then read as always. So whoever steals a secret can make us look, and cannot make a record.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas import strict_json
from schemas.strict_json import JsonObject

MAX_BODY_BYTES = 5 << 20
_DELIVERY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)


class HookError(Exception):
    """A webhook was refused. `status` is HTTP's; the text is one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Knock:
    """A genuine delivery. `delivery`: its id, the same when sent again; `read`: there is something to read."""

    delivery: str
    read: bool


def knock_of(kind: str, headers: Mapping[str, str], body: bytes, *, secret: str | None) -> Knock:
    """A delivery of GitHub or Discourse, whose bodies are signed with a shared secret.

    Raises:
        HookError: 404 for a kind without such webhooks, or a source without a secret; 401 for a wrong signature;
            400 for a body that is no JSON.
    """
    if kind == "github":
        signature, delivery, event = "x-hub-signature-256", "x-github-delivery", "x-github-event"
    elif kind == "discourse":
        signature, delivery, event = (
            "x-discourse-event-signature",
            "x-discourse-event-id",
            "x-discourse-event",
        )
    else:
        raise HookError(404, "This source has no such webhook.")
    if secret is None:
        raise HookError(404, "This source has no webhook: its webhook_secret_file is not set.")
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), headers.get(signature, "").encode("utf-8", "surrogatepass")):
        raise HookError(401, f"The signature in {signature} is not this body's.")
    payload = _payload(body)
    name = headers.get(event, "")
    read = _github(name, payload) if kind == "github" else name == "accepted_solution"
    return Knock(_delivery_of(headers.get(delivery, ""), body), read)


def knock_of_gitlab(headers: Mapping[str, str], body: bytes, *, is_token: Callable[[str], bool]) -> Knock:
    """A delivery of GitLab, which sends a shared secret along; `is_token` compares it in constant time.

    Raises:
        HookError: 401 for another token, 400 for a body that is no JSON.
    """
    if not is_token(headers.get("x-gitlab-token", "")):
        raise HookError(401, "The token in x-gitlab-token is not this source's.")
    payload = _payload(body)
    attributes = payload.get("object_attributes")
    merged = isinstance(attributes, dict) and attributes.get("action") == "merge"
    named = headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid") or ""
    return Knock(_delivery_of(named, body), payload.get("object_kind") == "merge_request" and merged)


def _github(event: str, payload: JsonObject) -> bool:
    """Closed is not merged; a review may come after the merge."""
    pull = payload.get("pull_request")
    merged = isinstance(pull, dict) and (pull.get("merged") is True or bool(pull.get("merged_at")))
    return merged and (
        (event == "pull_request" and payload.get("action") == "closed") or event == "pull_request_review"
    )


def _payload(body: bytes) -> JsonObject:
    try:
        return strict_json.loads_object(body, max_bytes=MAX_BODY_BYTES)
    except strict_json.StrictJsonError as error:
        raise HookError(400, f"The body is no JSON: {error}") from error


def _delivery_of(named: str, body: bytes) -> str:
    """A hash, so that any id fits; of the body, where the system sends no id."""
    known = named.encode() if _DELIVERY.fullmatch(named) else body
    return hashlib.sha256(known).hexdigest()
