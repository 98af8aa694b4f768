"""Judging from end to end: learn, render and measure on held-out footage, or hold a dance against it beforehand."""
