"""`python -m bench.viewers`: what people who watch cost those who check in.

The same server takes check-ins with and without viewers, in alternating short rounds.
"""

import sys
from functools import partial

from bench import beside
from bench.servers import manage


def main() -> int:
    """Measure in turns, and print the ratios."""
    parser = beside.parser("bench.viewers", __doc__)
    parser.add_argument("--viewers", type=int, default=300)
    given = parser.parse_args()
    session = ""

    def prepare(env: dict[str, str]) -> None:
        nonlocal session
        manage("manage.py", "collectstatic", "--noinput", "--verbosity", "0", env=env)
        session = manage("-m", "bench.session", env=env).strip()

    # All of them are one person here; hundreds of log-ins would measure the same.
    streams = {
        "FLEET_EVENT_STREAMS_MAX": "1000",
        "FLEET_EVENT_STREAMS_A_PERSON": str(given.viewers),
    }
    options = beside.options_of(given)
    with beside.serving(options, "bench_viewers", streams, prepare) as one:
        # Streams are told one by one that something changed: until then they cost nothing.
        words = ["--url", one.server.url, "--session", session, "--viewers", str(given.viewers)]
        watching = partial(beside.busy, "bench.watching", words)
        alone, watched = beside.in_turns(one, options, watching)
    print("\n".join(beside.report(alone, watched, f"{given.viewers} viewers")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
