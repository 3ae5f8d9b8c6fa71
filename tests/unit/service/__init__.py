"""Tests of mudserver.service."""
