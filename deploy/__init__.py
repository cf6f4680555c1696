"""What it takes to run echomort at a site, and what an installation consists of."""
