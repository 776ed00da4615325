"""Conformance: simulators and suites. Nothing in the gateway imports this."""
