"""In which language a page speaks: English stands in the templates and tables, every other one in a file.

A file `languages/<code>.yaml` has the language's own `name` for itself, and in `texts` for each English text its
translation; a text that is missing there stays English, and a test finds it. What programs read is never
translated.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from schemas import strict_yaml

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"
COOKIE = "lang"
CHOICE_LASTS = 365 * 86_400  # seconds
MAX_HEADER = 500  # characters of Accept-Language that are looked at


@cache
def known() -> Mapping[str, str]:
    """Each language that there is, by its code, with its own name for itself."""
    return {ENGLISH: "English"} | {
        file.stem: str(_file(file.stem)["name"]) for file in sorted(FOLDER.glob("*.yaml"))
    }


def translated(text: str, language: str) -> str:
    """`text` in a language; itself, where there is no translation."""
    return text if language == ENGLISH else _texts(language).get(text, text)


def keep_choice(request: Request, response: Response, *, secure: bool = False) -> None:
    """Let the browser remember the language that its user chose by `?lang=`."""
    chosen = request.query_params.get("lang")
    if chosen is not None and chosen in known():
        response.set_cookie(COOKIE, chosen, max_age=CHOICE_LASTS, samesite="lax", secure=secure)


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
def _file(language: str) -> dict[str, object]:
    return dict(strict_yaml.loads((FOLDER / f"{language}.yaml").read_bytes()))
