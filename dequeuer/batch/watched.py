"""The job store with an eye on how its calls end."""
