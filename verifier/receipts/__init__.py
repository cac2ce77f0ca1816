"""Receipts: that a badge was verified, when, and with which verdict; kept only for who asks for one."""
