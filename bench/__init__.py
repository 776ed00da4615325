"""What docs/performance.md reports, measured: `python -m bench.run`."""
