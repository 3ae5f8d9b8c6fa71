"""Tests of mudserver.session."""
