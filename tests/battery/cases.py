"""The battery: every bad token and bad request, as data that can be pointed at any server."""

from tests.battery import (
    cases_claims,
    cases_header,
    cases_presented,
    cases_routing,
    cases_signature,
    cases_smuggled,
)
from tests.battery.case import Case

CASES: tuple[Case, ...] = (
    *cases_signature.CASES,
    *cases_header.CASES,
    *cases_claims.CASES,
    *cases_presented.CASES,
    *cases_smuggled.CASES,
    *cases_routing.CASES,
)
