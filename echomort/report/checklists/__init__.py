"""Published checklists, each item answered from the run: TRIPOD+AI (Collins et al., BMJ 2024;385:e078378) and
PROBAST+AI (Moons et al., BMJ 2025;388:e082505).

The items are data (``*.csv``), in our own short wording. Nothing is answered that the run does not know: ethics,
funding and the like are for the site.
"""
