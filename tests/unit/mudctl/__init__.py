"""Tests of mudctl."""
