"""JSON-LD 1.1 in safe mode: what a document says, as statements, or why it cannot be said without loss.

`expansion` reads a document, `context` what its contexts define, `terms` what one definition means; `shapes` tells
nodes, values, lists and graphs apart, `literals` writes values. Contexts come from `schemas.contexts` and from
nowhere else.
"""

from schemas.jsonld.context import Meter
from schemas.jsonld.expansion import MAX_BLANK_NODES, MAX_QUADS, to_quads, types_of
from schemas.jsonld.terms import JsonLdError

__all__ = ["MAX_BLANK_NODES", "MAX_QUADS", "JsonLdError", "Meter", "to_quads", "types_of"]
