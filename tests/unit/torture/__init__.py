"""Tests of the torture's oracle."""
