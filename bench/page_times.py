"""What every page of one database costs: `python -m bench.page_times`, as lines of JSON."""

import argparse
import json
import os
import sys
from dataclasses import asdict

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
if __name__ == "__main__":
    django.setup()

from bench.asking import Asker
from bench.page_report import PageTime
from oemupdates.models import Operator


def main() -> None:
    """Measure the database that the environment names."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_times", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often each page is asked again")
    given = parser.parse_args()
    asker = Asker(Operator.objects.get(username="ann"))
    for address, first in asker.pages():
        costs = [asker.ask(address.url) for _ in range(given.times)]
        page = PageTime(
            address.label,
            first.status,
            first.wall,
            min(cost.wall for cost in costs),
            min(cost.cpu for cost in costs),
            len(costs[-1].queries),
            first.kilobytes,
        )
        print(json.dumps(asdict(page)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
