import pytest

from auth_server.rules.rfc9111_freshness import LONGEST, SHORTEST, UNSAID, lifetime

NOW = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 09:49:37 GMT"


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, UNSAID),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'Public, Max-Age="600"'}, 600),
        ({"cache-control": "max-age=600, s-maxage=60"}, 60),
        ({"cache-control": "max-age=600", "age": "500"}, 100),
        ({"cache-control": "max-age=600", "age": "x"}, 600),
        ({"cache-control": "max-age=0"}, SHORTEST),
        ({"cache-control": "max-age=600, no-store"}, SHORTEST),
        ({"cache-control": "no-cache, max-age=600"}, SHORTEST),
        ({"cache-control": "private, max-age=600"}, SHORTEST),
        ({"cache-control": "max-age"}, SHORTEST),
        ({"cache-control": "max-age=99999999"}, LONGEST),
        ({"cache-control": "max-age=" + "9" * 5000}, UNSAID),
        ({"cache-control": "max-age=600", "expires": NOW, "date": NOW}, 600),
        ({"expires": LATER, "date": NOW}, 3600),
        ({"expires": NOW, "date": LATER}, SHORTEST),
        ({"expires": "0", "date": NOW}, SHORTEST),
        ({"expires": LATER}, SHORTEST),
        ({"expires": LATER, "date": "Sun, 06 Nov 1994 08:49:37 -0000"}, SHORTEST),
    ],
)
def test_header_fields_say_how_long_within_bounds(headers: dict[str, str], seconds: int) -> None:
    assert lifetime(headers) == seconds
