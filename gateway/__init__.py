"""ESS gateway: BMU CAN frames in, one normalized pack model, Modbus registers out."""

__version__ = "0.1.0"
