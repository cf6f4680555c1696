"""The champion: the registry of trained models, the gate before promotion, and predictions.

``store`` writes and reads the folders of the registry; ``candidate`` collects the models of a run; ``gate`` compares
them with the champion and decides; ``promotion`` runs all three. ``model`` predicts; ``predict`` applies it to files,
``scoring`` to studies.
"""
