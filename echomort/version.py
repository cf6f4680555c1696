"""The version of echomort, in one place: the package's build reads it here too."""

__version__ = "0.1.0"
