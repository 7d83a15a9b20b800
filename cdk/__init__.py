"""The infrastructure: one construct per logical part, one stack per life cycle."""
