"""Markdown tables, and figures in their cells."""

from collections.abc import Iterable, Sequence

from bench.timing import Spread


def table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table; the first `texts` columns are text, the others are figures."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * texts}{'--:|' * (len(head) - texts)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def pair(costs: Spread, digits: int = 1, unit: float = 1) -> str:
    """Median and best."""
    return f"{costs.median / unit:.{digits}f} ({costs.best / unit:.{digits}f})"
