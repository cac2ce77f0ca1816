"""Event policies for tests: one good document, and changes to it."""

from typing import Any

import yaml

from schemas import event_policy
from schemas.event_policy import EventPolicy

GOOD = """
event: summit-2027
time_zone: Europe/Paris
redeem: {opens: 2027-01-15T09:00:00+01:00, closes: 2027-05-20T18:00:00+02:00}
period: {policy: community-recognition, starts: 2027-01-01}
entitlement: ticket-discount
accept:
  - {issuer: "did:web:badges.example.org", percent: 100,
     achievement: "https://badges.example.org/achievements/sustained"}
  - {issuer: "did:web:badges.example.org", percent: 50,
     achievement: "https://badges.example.org/achievements/contributor"}
  - {issuer: "did:web:badges.example.org", percent: 0,
     achievement: "https://badges.example.org/achievements/recognised"}
foreign:
  - {issuer: "did:web:badges.other.example", percent: 25, at_most: 2,
     achievement: "https://badges.other.example/achievements/speaker"}
proof_of_holding: {online: [wallet_key, holder_code], desk: [name_against_id]}
unknown: refuse
budget: {factor: 1.00, frozen_at: 2027-01-10, eligible: 412, expected_take_up: 0.6}
capacity: 400
voucher: {uses: 1, valid_days: 30, on_expiry_or_refund: release}
"""


def document(**changes: Any) -> bytes:
    """The good policy as YAML, with some fields replaced."""
    fields = yaml.safe_load(GOOD) | changes
    return yaml.safe_dump(fields, sort_keys=False).encode()


def policy(**changes: Any) -> EventPolicy:
    """The good policy, with some fields replaced."""
    return event_policy.load(document(**changes), name="summit.yaml")
