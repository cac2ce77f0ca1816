"""Badges go into standard wallets: OpenID for Verifiable Credential Issuance 1.0."""
