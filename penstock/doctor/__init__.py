"""Whether a deployment will go well: what is checked, and what to do about what will not."""
