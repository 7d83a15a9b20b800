"""Traces: what happens to one request, from its submission to its webhook, as spans of OpenTelemetry."""
