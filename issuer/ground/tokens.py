"""Secrets that stand in private links and headers: made at random, kept only as their hash."""

import hashlib


def hash_of(token: str) -> str:
    """What the database keeps of a link or bearer token: SHA-256, 64 hex digits. Takes any text a client sends."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
