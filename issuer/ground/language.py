"""In which language a page or a mail speaks: English stands in the templates and tables, every other in a file.

A file `languages/<code>.yaml` has the language's own `name` for itself, and in `texts` for each English text its
translation; a text that is missing there stays English, and a test finds it. `singular_below`: which numbers take
the singular, where it is not 1 alone. What programs read is never translated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from starlette.requests import Request

from schemas import strict_yaml

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"
COOKIE = "lang"
_PLACE = re.compile(r"%\(([a-z_]+)\)s")
MAX_HEADER = 500  # characters of Accept-Language that are looked at


@cache
def codes() -> tuple[str, ...]:
    """The code of each language that there is; no file is read for it, which takes a tenth of a second."""
    return (ENGLISH, *(file.stem for file in sorted(FOLDER.glob("*.yaml"))))


@cache
def known() -> Mapping[str, str]:
    """Each language that there is, by its code, with its own name for itself."""
    return {code: "English" if code == ENGLISH else str(_file(code)["name"]) for code in codes()}


def translated(text: str, language: str) -> str:
    """`text` in a language; itself, where there is no translation."""
    return text if language == ENGLISH else _texts(language).get(text, text)


def said_again(sentence: str, language: str) -> str:
    """A sentence that was made in English, with its names and numbers in it, in another language: errors and
    matters are made where nobody knows who will read them. A value that is a text with a translation has that.
    """
    if language == ENGLISH or sentence in _texts(language):
        return translated(sentence, language)
    for pattern, text in _patterns(language):
        found = pattern.fullmatch(sentence)
        if found is not None:
            return text % {name: translated(value, language) for name, value in found.groupdict().items()}
    return sentence


def is_one(count: int | Decimal, language: str) -> bool:
    """Whether a number takes the singular in a language: 1 in English; 0 and 1.5, too, in French."""
    below = None if language == ENGLISH else _file(language).get("singular_below")
    return count == 1 if not isinstance(below, int) else count < below


@dataclass(frozen=True)
class Voice:
    """Somebody who speaks one language: `say("%(num)s days", num=3)`."""

    code: str = ENGLISH

    def __call__(self, text: str, /, **values: object) -> str:
        """`text` in this language, with its values in their places."""
        said = translated(text, self.code)
        return said % values if values else said

    def counted(self, count: int, one: str, many: str, /, **values: object) -> str:
        """`one` or `many`, as the number asks for; `num` in them is the number."""
        return self(one if is_one(count, self.code) else many, num=count, **values)


IN_ENGLISH = Voice()


def voice(request: Request) -> Voice:
    """Who speaks to the person that sent this request."""
    return Voice(of(request))


def asked_for(request: Request) -> str | None:
    """The same; None for a request that says nothing of languages, as programs send them."""
    said = (
        request.query_params.get("lang") or request.cookies.get(COOKIE) or request.headers.get("accept-language")
    )
    return of(request) if said else None


def of(request: Request) -> str:
    """The language that a person asked for: by `?lang=`, else by the choice that a cookie keeps, else by their
    browser's settings (RFC 9110 §12.5.4), else English.
    """
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked is not None and asked in known():
            return asked
    return _accepted(request.headers.get("accept-language", "")[:MAX_HEADER])


def _accepted(header: str) -> str:
    """The known language of the greatest weight; of equal ones the first."""
    best, weight = ENGLISH, 0.0
    for entry in header.split(","):
        name, _, parameter = entry.partition(";")
        code = name.strip().lower().partition("-")[0]
        try:
            given = float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
        except ValueError:
            continue
        if code in known() and given > weight:
            best, weight = code, given
    return best


@cache
def _texts(language: str) -> dict[str, str]:
    texts = _file(language)["texts"]
    assert isinstance(texts, dict)
    return {str(english): str(text) for english, text in texts.items()}


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each sentence with places, as what recognises it; the one that says the most by itself comes first."""
    made = []
    for english, text in _texts(language).items():
        said, *rest = _PLACE.split(english)
        if not rest or not english.endswith((".", ": %(why)s")):
            continue  # a label, which would be found in anybody's words
        names, parts = rest[::2], rest[1::2]
        if len(set(names)) == len(names):
            places = (f"(?P<{name}>.+?){re.escape(part)}" for name, part in zip(names, parts, strict=True))
            pattern = re.compile(re.escape(said) + "".join(places), re.DOTALL)
            made.append((len(said) + sum(map(len, parts)), pattern, text))
    return tuple((pattern, text) for _, pattern, text in sorted(made, key=lambda one: -one[0]))


@cache
def _file(language: str) -> dict[str, object]:
    return dict(strict_yaml.loads((FOLDER / f"{language}.yaml").read_bytes()))
