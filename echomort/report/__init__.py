"""The report: one offline HTML file that a person grasps at a glance, and a JSON twin with the same numbers."""
