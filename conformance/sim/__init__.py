"""Simulators that speak on real buses: a battery container's BMUs."""
