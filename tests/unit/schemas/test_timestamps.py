"""Points in time as the standards write them: zone required, fractions legal, nothing that does not exist."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import TimestampError, from_numeric_date, parse, show, to_numeric_date

SECOND_DAY = datetime(1, 1, 2)  # noqa: DTZ001 - what hypothesis asks for
NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T09:00:00Z", NINE),
        ("2026-11-22T10:30:00+01:30", NINE),
        ("2026-11-21T19:00:00-14:00", NINE),
        ("2026-11-22T23:00:00+14:00", NINE),
        ("2026-11-22T09:00:00+00:00", NINE),
        ("2026-11-22T09:00:00-00:00", NINE),
        ("2026-11-22T09:00:00.5Z", NINE + timedelta(milliseconds=500)),
        ("2026-11-22T09:00:00.123456789Z", NINE + timedelta(microseconds=123456)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_instant_is_read(text: str, moment: datetime) -> None:
    assert parse(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T09:00:00",
        "2026-11-22 09:00:00Z",
        "2026-11-22t09:00:00z",
        "2026-11-22T09:00Z",
        "2026-11-22T09:00:00.Z",
        "2026-11-22T09:00:00,5Z",
        "2026-11-22T09:00:00+1:00",
        "2026-11-22T09:00:00+0100",
        "2026-11-22T09:00:00+14:01",
        "2026-11-22T09:00:00+24:00",
        "2026-11-22T09:00:00Z ",
        "2026-11-22T09:00:00Z\n",
        "2026-11-22T24:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T09:60:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
        "٢٠٢٦-11-22T09:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        None,
        1_800_000_000,
        True,
        ["2026-11-22T09:00:00Z"],
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: object) -> None:
    with pytest.raises(TimestampError) as caught:
        parse(text)
    assert str(caught.value).endswith(".")


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]), min_value=SECOND_DAY)
)
def test_what_is_shown_is_the_same_second(moment: datetime) -> None:
    assert parse(show(moment)) == moment.replace(microsecond=0)


def test_instant_is_shown_in_utc_with_four_digits_of_year() -> None:
    assert show(NINE.astimezone(timezone(timedelta(hours=-3)))) == "2026-11-22T09:00:00Z"
    assert show(datetime(987, 6, 5, tzinfo=UTC)) == "0987-06-05T00:00:00Z"


@pytest.mark.parametrize("value", [0, 1795338000, 1795338000.5, 253402300799])
def test_numeric_date_is_read(value: float) -> None:
    assert from_numeric_date(value).timestamp() == value
    assert to_numeric_date(from_numeric_date(value)) == int(value)


@pytest.mark.parametrize(
    "value",
    [
        "1795338000",
        "2026-11-22T09:00:00Z",
        True,
        False,
        None,
        -1,
        -0.5,
        253402300800,
        10**400,
        float("nan"),
        float("inf"),
        [1],
    ],
)
def test_numeric_date_that_is_no_number_of_seconds_is_refused(value: object) -> None:
    with pytest.raises(TimestampError, match="no number of seconds"):
        from_numeric_date(value)


def test_numeric_date_is_whole_seconds() -> None:
    assert to_numeric_date(NINE + timedelta(microseconds=999_999)) == 1795338000


@given(st.tuples(*(st.integers(0, most) for most in (9999, 13, 32, 25, 61, 61))))
def test_the_usual_form_is_read_as_the_same_moment_written_otherwise(numbers: tuple[int, ...]) -> None:
    text = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*numbers)
    assert _moment(f"{text}Z") == _moment(f"{text}.0Z") == _moment(f"{text}+00:00")


def _moment(text: str) -> datetime | None:
    try:
        return parse(text)
    except TimestampError:
        return None
