"""What Penstock costs by itself: time, memory and AWS calls, measured against a stand-in for AWS."""
