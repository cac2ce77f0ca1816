"""Persons, their accounts, and how each account was proved."""
