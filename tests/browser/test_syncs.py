"""How far a sync is, watched in a browser."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import expect

from oemupdates.models import SyncRun
from oemupdates.services.sync import sync_runs, upstreams
from tests.browser.conftest import Opener
from tests.services.makers import seeded_channel

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def meanwhile(verb: Any, *given: Any, **named: Any) -> None:
    """Do something elsewhere, since no rows are asked for beside a browser's loop."""

    def do() -> None:
        try:
            verb(*given, **named)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(do).result()


def test_progress_moves_by_itself_until_the_run_is_over(admin: Any, window: Opener) -> None:
    run: list[SyncRun] = []

    def prepare() -> None:
        upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
        upstreams.subscribe(upstream, seeded_channel(), by=None)
        asked = sync_runs.ask(upstream, seeded_channel(), by=None)
        claimed = sync_runs.claim(asked.pk)
        assert claimed is not None
        run.append(claimed)
        SyncRun.objects.update(files_total=3, bytes_done=1024, bytes_total=4096)

    meanwhile(prepare)
    opened = window()
    opened.log_in()
    opened.open("/releases/upstreams/")
    now = opened.page.locator("td[data-label=Now]")
    expect(now).to_contain_text("0 of 3 files")
    meanwhile(SyncRun.objects.update, files_done=2, bytes_done=3072)
    expect(now).to_contain_text("2 of 3 files")
    meanwhile(sync_runs.settle, run[0], sync_runs.Outcome())
    expect(now).to_contain_text("Up to date")
    expect(now.locator("[hx-trigger]")).to_have_count(0)
    assert opened.complaints == []
