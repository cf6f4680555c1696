"""Encoders that the site brings: the embeddings that they make of clips, and a linear model on these."""
