"""Mirrors the rooms of the product; on-the-wire tests run against the sandbox."""
