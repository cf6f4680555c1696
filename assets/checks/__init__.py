"""The checks on assets: one file for each kind. :mod:`assets.quality` lists them."""
