"""`python -m bench.polls`: what polls of systemd-sysupdate cost those who check in.

A million nodes with two components, which ask every six hours, are 93 polls a second.
"""

import sys
from functools import partial

from bench import beside
from bench.servers import manage


def main() -> int:
    """Measure in turns, and print the ratios."""
    parser = beside.parser("bench.polls", __doc__)
    parser.add_argument("--polls", type=float, default=93.0, help="a second")
    given = parser.parse_args()

    def prepare(env: dict[str, str]) -> None:
        manage("-m", "bench.polling", "prepare", env=env)

    options = beside.options_of(given)
    with beside.serving(options, "bench_polls", {}, prepare) as one:
        words = ["--url", one.server.url, "--nodes", str(given.nodes), "--rate", str(given.polls)]
        polling = partial(beside.busy, "bench.polling", words)
        alone, polled = beside.in_turns(one, options, polling)
    print("\n".join(beside.report(alone, polled, f"{given.polls:.0f} polls a second")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
