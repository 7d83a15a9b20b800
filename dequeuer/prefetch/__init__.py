"""Downloads what the user's containers are to find in the folder all of them share, and ends."""
