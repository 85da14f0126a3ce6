"""The doctor's rules and renderings, on values. On the wire, with a sandbox situation per check: tests/wire/test_doctor*.py."""
