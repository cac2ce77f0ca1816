"""The HTTP contract at the level of W3C credentials: `POST /credentials/verify` and `/presentations/verify`."""
