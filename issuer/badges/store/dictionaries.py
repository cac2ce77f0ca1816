"""The dictionaries that pack badges small: all SQL on them."""

from datetime import datetime

from sqlalchemy import (
    Connection,
    Row,
    insert,
    select,
)

from issuer.badges.store.tables import dictionaries


def add_dictionary(
    connection: Connection,
    *,
    dictionary_id: str,
    sha256: str,
    achievement: str,
    kid: str,
    file: str,
    now: datetime,
) -> None:
    connection.execute(
        insert(dictionaries).values(
            id=dictionary_id, sha256=sha256, achievement=achievement, kid=kid, file=file, made_at=now
        )
    )


def has_dictionary(connection: Connection, dictionary_id: str) -> bool:
    chosen = dictionaries.c.id == dictionary_id
    return connection.execute(select(dictionaries.c.id).where(chosen)).first() is not None


def all_dictionaries(connection: Connection) -> list[Row[tuple[object, ...]]]:
    return list(connection.execute(select(dictionaries).order_by(dictionaries.c.made_at, dictionaries.c.id)))
