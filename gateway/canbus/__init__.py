"""What a CAN frame is and how it becomes values. Knows no bus, no clock and no file."""
