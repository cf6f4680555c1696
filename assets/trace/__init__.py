"""`echomort trace`: :mod:`assets.trace.subject` says what a name stands for, :mod:`assets.trace.follow` follows it."""

from assets.trace.follow import Step, Trace, identifiers_of, trace

__all__ = ["Step", "Trace", "identifiers_of", "trace"]
