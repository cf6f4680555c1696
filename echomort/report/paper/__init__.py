"""What a paper takes from a report: tables, figures, methods, the reporting checklist and the sources cited."""
