"""The champion: the registry of trained models, the gate that one must pass to predict, and its predictions.

``store`` writes and reads the registry's folders; ``candidate`` gathers what a run left; ``gate`` compares and decides;
``promotion`` is the way through all three. ``model`` predicts; ``predict`` and ``scoring`` ask it of files and studies.
"""
