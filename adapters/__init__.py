"""Adapters of the gateway: what a table cannot say. Each is found by its entry point."""
