"""`python -m gateway` is `essgw`."""

from gateway.cli import main

main()
