"""What can go wrong with contexts before any document is read with them; each message is one sentence.

ContextsError
    ContextSetError         an operator's context is not what its digest promises, or may not be added
    RelatedResourceError    a document promises another digest for a known context than the published one
"""


class ContextsError(ValueError):
    """Any of them."""


class ContextSetError(ContextsError):
    """A context cannot be added to those that are known."""


class RelatedResourceError(ContextsError):
    """A digest in a document does not fit the context that it is given for."""
