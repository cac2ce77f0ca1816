"""What can go wrong with keys and signatures.

KeysError
├── KeyFormatError      a JWK, Multikey or DID document that is not what it must be
├── SignatureError      a JWS that is malformed, uses a refused header, or does not verify
├── ProofError          a Data Integrity proof that is malformed, does not fit its document, or does not verify
├── CustodyError        a key store that cannot be opened, or does not hold what was asked for
│   └── SheetError      sheets of several people from which no passphrase comes
├── SealError           something sealed that does not open
└── OpenIdError         an OpenID provider, or what came back from it, cannot be believed
"""


class KeysError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class KeyFormatError(KeysError):
    """A key, DID or DID document is malformed or of a kind that we do not accept."""


class SignatureError(KeysError):
    """A compact JWS is malformed, has a header that we refuse, or its signature does not verify."""


class ProofError(KeysError):
    """A Data Integrity proof is malformed, does not fit its document or its key, or does not verify.

    `problem`: the code of VC Data Integrity 1.0 §2.9 for it.
    """

    def __init__(self, message: str, *, problem: str = "PROOF_VERIFICATION_ERROR") -> None:
        super().__init__(message)
        self.problem = problem


class CustodyError(KeysError):
    """The key store is missing, its passphrase is wrong, or the key asked for is not in it."""


class SheetError(CustodyError):
    """Sheets from which no passphrase comes. The text names places on sheets, and no word that is right there."""


class OpenIdError(KeysError):
    """An OpenID provider could not be asked, or its answer is not to be believed."""


class SealError(KeysError):
    """Something sealed cannot be opened with this secret."""


class ArchiveError(KeysError):
    """A final archive is none, was changed, or is not signed by its issuer."""
