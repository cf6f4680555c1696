"""The experiments of the preprint: the grid of each, and its results beside the preprint's."""
