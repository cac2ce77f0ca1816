"""Ids that sort by the calls that made them."""

from datetime import UTC, datetime, timedelta

from issuer.ground.ids import new_ids

NOW = datetime(2126, 10, 1, tzinfo=UTC)  # later than any other test's, since nothing goes back


def test_they_are_of_version_7_and_say_when_they_were_made() -> None:
    (one,) = new_ids(1, now=NOW)
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == int(NOW.timestamp() * 1000)


def test_each_call_comes_after_the_one_before_also_when_the_clock_goes_back() -> None:
    later = NOW + timedelta(days=1)
    calls = [new_ids(3, now=when) for when in (later, later, later - timedelta(hours=1))]
    assert [sorted(call) for call in calls] == sorted(sorted(call) for call in calls)
    assert max(calls[0]) < min(calls[1]) and max(calls[1]) < min(calls[2])


def test_within_a_call_all_but_the_beginning_is_random() -> None:
    made = new_ids(1000, now=NOW)
    assert len({one.int >> 64 for one in made}) == 1
    assert len({one.int & (1 << 62) - 1 for one in made}) == 1000
    assert made != sorted(made)


def test_five_thousand_calls_of_one_moment_stay_in_their_order() -> None:
    made = [one for _ in range(5000) for one in new_ids(1, now=NOW)]
    assert made == sorted(made) and len(set(made)) == 5000
