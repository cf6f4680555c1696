"""The experiments of the preprint: one asset each, whose units are the cells of its grid."""
