"""How long hypothesis tries: the same few hundred examples each time, about ten seconds for all of this folder."""

from hypothesis import HealthCheck, settings


def examples(number: int) -> settings:
    """So many examples, the same on every machine; nothing is written beside the checkout."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=slow
    )
