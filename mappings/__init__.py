"""Data: register maps, frame files and sites. No code."""
