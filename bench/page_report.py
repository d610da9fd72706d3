"""What pages cost, as a table."""

from dataclasses import dataclass

# What a page may take, and what may go over the wire for it.
MOST_MS, MOST_KILOBYTES = 100.0, 60.0
# Fleets up to this size are small ones, which the others are compared with.
SMALL = 200


@dataclass(frozen=True, slots=True)
class PageTime:
    """What a page cost: `first` is its first answer in this process, the rest the best of some.

    Milliseconds and kilobytes. The best, because others on the machine only ever slow it down.
    """

    label: str
    status: int
    first: float
    wall: float
    cpu: float
    queries: int
    kilobytes: float


def table(found: dict[int, dict[str, PageTime]]) -> list[str]:
    """The pages of the biggest fleet, the slowest first, beside what they cost in the others."""
    if not found:
        return []
    *smaller, biggest = sorted(found)
    base = max((nodes for nodes in smaller if nodes <= SMALL), default=biggest)
    head = ["page", "status", "ms", "CPU ms", "first ms", "queries", "KB"]
    head += [f"ms of {nodes}" for nodes in smaller] + [f"ratio to {base}", "marks"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for page in sorted(found[biggest].values(), key=lambda page: -page.wall):
        others = [found[nodes].get(page.label) for nodes in smaller]
        of_base = found[base].get(page.label)
        cells = [page.label.replace("|", "\\|"), str(page.status), f"{page.wall:.1f}"]
        cells += [f"{page.cpu:.1f}", f"{page.first:.1f}", str(page.queries)]
        cells += [f"{page.kilobytes:.1f}"]
        cells += [f"{other.wall:.1f}" if other else "-" for other in others]
        cells += [f"{page.wall / of_base.wall:.1f}" if of_base else "-"]
        cells += [" ".join(marks(page, of_base))]
        lines.append(f"| {' | '.join(cells)} |")
    slow = sum(page.wall > MOST_MS for page in found[biggest].values())
    lines += ["", f"{len(found[biggest])} pages of {biggest} nodes, {slow} over {MOST_MS:.0f} ms"]
    return lines


def marks(page: PageTime, smaller: PageTime | None) -> list[str]:
    """What is wrong with what a page costs."""
    found = []
    if page.wall > MOST_MS:
        found.append("SLOW")
    if page.kilobytes > MOST_KILOBYTES:
        found.append("BIG")
    if smaller is not None and page.queries > smaller.queries:
        found.append(f"QUERIES {smaller.queries}->{page.queries}")
    return found
