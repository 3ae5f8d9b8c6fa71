"""Tests of mudserver.telemetry."""
