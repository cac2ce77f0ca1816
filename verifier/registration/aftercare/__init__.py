"""What becomes of a discount after it was given: released, given anew, counted, looked at again, forgotten.

`releasing` takes a discount back by a person's decision, `sweep` what the shop says has run out, `finance` counts,
`cases` gathers what a person must look at, `retention` deletes what is not needed any more. Each act is written
down in the audit log, in its own transaction. `caretaker` does in a server what needs no person.

AftercareError
├── UnknownGrantError     the event gave no such grant, or no voucher of this code
├── NotReleasableError    it cannot be taken back: the sentence says why
└── UnknownCaseError      there is no such case, or it is closed
"""

from verifier.registration.errors import RegistrationError


class AftercareError(RegistrationError):
    """Base of what can go wrong here; one sentence for a person."""


class UnknownGrantError(AftercareError):
    """The event gave no such grant."""


class NotReleasableError(AftercareError):
    """This discount cannot be taken back as it was asked for."""


class UnknownCaseError(AftercareError):
    """There is no such case that is open."""
