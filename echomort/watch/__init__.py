"""The watch: whether the inputs, the clips and the risks of the latest studies are as those before, and whether as many
die as the risks say.

``shift`` compares the studies of two periods; ``appearance`` measures clips; ``deaths`` counts deaths against risks.
"""
