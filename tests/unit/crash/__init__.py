"""Tests of the crash oracle."""
