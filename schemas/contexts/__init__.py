"""The contexts of the standards: what every term of a credential means, without any network.

The tables are ours, one module for each family, in the notation of `notation`; terms, IRIs and types are facts,
and the tests prove them equal to the published files. How a context changes the reading of a document is
`schemas.jsonld`.
"""

from schemas.contexts.errors import ContextsError, ContextSetError, RelatedResourceError
from schemas.contexts.published import digests_of
from schemas.contexts.related_resources import check_related_resource
from schemas.contexts.sets import BUNDLED, DIRECTORY_INDEX, SIGNING, VERIFYING, ContextSet

__all__ = [
    "BUNDLED",
    "DIRECTORY_INDEX",
    "SIGNING",
    "VERIFYING",
    "ContextSet",
    "ContextSetError",
    "ContextsError",
    "RelatedResourceError",
    "check_related_resource",
    "digests_of",
]
