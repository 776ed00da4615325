"""Modbus without sockets: bytes in, bytes out."""
