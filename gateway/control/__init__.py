"""What may be done to a battery: pure decisions on frozen state, by the rules of CONTROL (R1-R44)."""
