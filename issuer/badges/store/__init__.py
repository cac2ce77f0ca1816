"""The tables of awards, badges, versions and places on status lists, and all SQL on them, a file for each."""

from issuer.badges.store import awards, badges, cases, dictionaries, holders, lists, states, tables, versions

__all__ = ["awards", "badges", "cases", "dictionaries", "holders", "lists", "states", "tables", "versions"]
