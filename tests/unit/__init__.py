"""Tests of single parts, as plain calls."""
