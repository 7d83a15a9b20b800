"""The sidecar: takes requests off the queue, has the container run them, stores what it answers."""
