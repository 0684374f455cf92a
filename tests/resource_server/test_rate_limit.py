from types import MappingProxyType

import pytest

from resource_server import Caller, RateLimit
from resource_server.errors import TooManyCalls
from resource_server.rate_limit import Buckets
from tests.resource_server.conftest import Clock


def _caller(subject: str) -> Caller:
    return Caller(subject=subject, client_id="c", scopes=frozenset(), claims=MappingProxyType({}), token="t")


@pytest.mark.requirement("RS-32")
def test_a_burst_passes_then_the_pace_holds(clock: Clock) -> None:
    buckets = Buckets(RateLimit(per_second=2, burst=3), clock)
    for _ in range(3):
        buckets.take(_caller("a"), None)
    with pytest.raises(TooManyCalls):
        buckets.take(_caller("a"), None)
    clock.now += 0.5
    buckets.take(_caller("a"), None)
    with pytest.raises(TooManyCalls):
        buckets.take(_caller("a"), None)


def test_a_long_rest_saves_no_more_than_a_burst(clock: Clock) -> None:
    buckets = Buckets(RateLimit(per_second=2, burst=3), clock)
    buckets.take(_caller("a"), None)
    clock.now += 3600
    for _ in range(3):
        buckets.take(_caller("a"), None)
    with pytest.raises(TooManyCalls):
        buckets.take(_caller("a"), None)


def test_the_buckets_are_bounded_and_the_quietest_makes_room(clock: Clock) -> None:
    buckets = Buckets(RateLimit(per_second=1, burst=1), clock, size=2)
    for subject in ("a", "b", "c"):
        buckets.take(_caller(subject), None)
    with pytest.raises(TooManyCalls):
        buckets.take(_caller("c"), None)
    buckets.take(_caller("a"), None)
    assert len(buckets._buckets) == 2
