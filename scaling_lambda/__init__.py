"""Queue depth in, CloudWatch metrics out: what Application Auto Scaling acts on."""
