import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from oemupdates.models import Advisory
from tests.services.makers import osv

pytestmark = pytest.mark.django_db


def test_takes_what_is_right_and_tells_of_the_rest(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(osv("CVE-2020-1")))
    bad.write_text("{")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("advisories", str(bad), str(good), stdout=out, stderr=err)
    assert "7 of the product are new" in out.getvalue()
    assert "bad.json" in err.getvalue()
    assert Advisory.objects.get(name="CVE-2020-1").is_own
