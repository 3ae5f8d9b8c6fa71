"""Tests of mudserver.bus."""
