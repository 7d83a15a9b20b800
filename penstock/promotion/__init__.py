"""What one environment proved, carried to another: the exact images, and the APIs' configuration."""
