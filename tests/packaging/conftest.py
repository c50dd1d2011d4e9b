"""Fixtures of the packages' tests."""

from tests.agent.conftest import collector

__all__ = ["collector"]
