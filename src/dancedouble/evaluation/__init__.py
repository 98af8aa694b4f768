"""Measurement: how close a result is to the truth, to the driving pose and to itself. Never trains."""
