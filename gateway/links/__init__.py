"""The edge: sockets, CAN interfaces, clocks, logs and capture files."""
