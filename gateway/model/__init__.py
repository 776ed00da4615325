"""What exists: points, quality, alarms, the pack. Knows no clock, no bus and no file."""
