"""Mistakes about pages and counters of a message: values that cannot come, signals not always there."""

from pathlib import Path

import pytest
from mapping.spoken import problems

PAGED = """
protocol: test
messages:
  - id: 0x100
    period: 1
    {more}
    signals:
      page: {{bytes: 0}}
      flag: {{bits: 8|1@1+, when: {{page: 2}}}}
      u: {{bytes: 2-3, point: rack_voltage{row}}}
"""
ON_PAGES = {
    ("", "when: {page: 300}"): "10:50: 'page' has 8 bits and is never 300; correct the value",
    ("", "when: {page: []}"): "10:50: 'page' has no value at which 'u' is there",
    ("", "when: {page: 1}, valid_when: {flag: 1}"):
        "10:73: 'flag' is not in every frame that 'u' is in; use a flag of the same page",
    ("counter: {signal: flag, modulo: 2}", ""): "6:23: 'flag' is not in every frame; choose one that is",
    ("counter: {signal: page, modulo: 999}", ""):
        "6:37: 'page' has 8 bits and never counts to 999; correct the modulo",
    ("pages: 4", ""): "6:12: the id counts no pages; write {page} into the id",
}  # fmt: skip


@pytest.mark.parametrize("more", ON_PAGES)
def test_a_mistake_about_pages_and_counters(tmp_path: Path, more: tuple[str, str]) -> None:
    """Values that cannot come, and signals that are not always there."""
    text = PAGED.format(more=more[0], row=f", {more[1]}" if more[1] else "")

    assert problems(tmp_path, text) == [f"frames.yaml:{ON_PAGES[more]}"]
