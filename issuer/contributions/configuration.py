"""`sources.yaml` in the data folder: which sources there are, as strictly read data; and their secrets.

    sources:
      our-code: {kind: github, repository: example/project, token_file: secrets/github}

A secret never stands in the file itself: it names another one, which only its owner can read.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from issuer.contributions.model import ContributionError
from issuer.contributions.sources.discourse import Discourse
from issuer.contributions.sources.face import Source
from issuer.contributions.sources.feed import Feed
from issuer.contributions.sources.files import CsvOfRecord
from issuer.contributions.sources.github import GitHub
from issuer.contributions.sources.gitlab import GitLab
from issuer.contributions.sources.governance import Governance
from issuer.contributions.sources.histories import Gerrit, Git
from issuer.contributions.sources.ical import ICal
from issuer.contributions.sources.meetbot import MeetBot
from issuer.contributions.sources.pretalx import Pretalx
from issuer.contributions.sources.weblate import Weblate
from issuer.people.model import Account, PeopleError
from schemas import strict_yaml

SOURCES_FILE = "sources.yaml"
KINDS: Mapping[str, type[Source]] = {
    kind.KIND: kind
    for kind in (
        Git,
        Gerrit,
        GitHub,
        GitLab,
        Weblate,
        Discourse,
        MeetBot,
        Governance,
        ICal,
        Pretalx,
        Feed,
        CsvOfRecord,
    )
}
_PATHS = ("repository", "folder", "file", "token_file", "webhook_secret_file")  # relative to the data folder
_ACCOUNTS = ("editor", "organiser")


class ConfigurationError(ContributionError):
    """`sources.yaml` or a file that it names cannot be used; one sentence."""


def load(data: Path) -> Mapping[str, Source]:
    """The sources of a data folder, by their names; none where there is no file.

    Raises:
        ConfigurationError: it is no YAML, or a source has a field that is unknown, missing or of another kind.
    """
    file = data / SOURCES_FILE
    try:
        document = strict_yaml.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except strict_yaml.StrictYamlError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    listed = document.get("sources")
    if document.keys() != {"sources"} or not isinstance(listed, dict):
        raise ConfigurationError(f"{file}: one field 'sources' with the sources by their names was expected.")
    return {name: _source(name, fields, data=data, file=file) for name, fields in listed.items()}


def _source(name: str, fields: object, *, data: Path, file: Path) -> Source:
    where = f"{file}, {name}"
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise ConfigurationError(f"{where}: fields with a 'kind' were expected, such as kind: github.")
    kind = KINDS.get(fields["kind"])
    if kind is None:
        raise ConfigurationError(
            f"{where}: the kind {fields['kind']!r} is not known; known are {', '.join(sorted(KINDS))}."
        )
    if "name" in fields:
        raise ConfigurationError(f"{where}.name: this field is not known here.")
    try:
        for field in _ACCOUNTS:
            if isinstance(fields.get(field), str):
                Account.parse(fields[field])
        whole = {name: _beside(data, value) if name in _PATHS else value for name, value in fields.items()}
        if kind is not Git and "repository" in fields:
            whole["repository"] = fields["repository"]
        return kind.model_validate({**whole, "name": name})
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {strict_yaml.sentence_of(error)}") from error
    except PeopleError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _beside(data: Path, value: object) -> object:
    return str(data / value) if isinstance(value, str) and value else value


def secret_in(path: str | None) -> str | None:
    """The secret in a file that a source names, without the line's end; None where it names none.

    Raises:
        ConfigurationError: it cannot be read, is empty, or holds more than one line.
    """
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The secret in {path} cannot be read.") from error
    if not text or not text.isprintable():
        raise ConfigurationError(f"{path} holds no secret: one line was expected.")
    return text
