"""The science of echomort: a pure library that imports neither Dagster nor any other package of this project."""

__version__ = "0.1.0"
