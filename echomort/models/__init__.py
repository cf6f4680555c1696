"""The models: trained networks of a view, trees on the health record, and what combines their scores."""
