"""The models: four video networks, trees on the health record, and what combines their scores."""
