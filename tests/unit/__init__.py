"""Unit tests; how hypothesis searches in all of them."""

from hypothesis import HealthCheck, settings

# How long drawing and trying takes says how busy the machine is, and nothing of a strategy.
settings.register_profile("mudserver", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mudserver")
