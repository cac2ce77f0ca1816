"""Asking a wallet for a badge, with a signature that says whose it is: OpenID for Verifiable Presentations 1.0."""
