"""Tests of mudserver.control."""
