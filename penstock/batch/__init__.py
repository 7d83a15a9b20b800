"""Batch jobs: what all parts agree on. Pure: no AWS, no clock, no I/O (rules J1 to J15 of the life cycle)."""
