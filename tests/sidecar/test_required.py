"""An app that must have a sidecar does not run without: its secrets and its callers would not be what they seem."""

from pathlib import Path

import pytest

from sidecar.connect import connect
from sidecar.dapr_http import SidecarUnavailable


async def test_where_a_sidecar_is_required_its_absence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SidecarUnavailable, match="there is no sidecar"):
        async with connect({"DACA_REQUIRE_SIDECAR": "1"}, app_id="notes", data=tmp_path, routes={}):
            pass


async def test_where_none_is_required_the_embedded_parts_serve(tmp_path: Path) -> None:
    async with connect({}, app_id="notes", data=tmp_path, routes={}) as sidecar:
        assert sidecar.mode == "embedded"
