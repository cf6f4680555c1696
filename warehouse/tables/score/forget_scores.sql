-- Makes room for new scores of some models.
DELETE FROM score WHERE list_contains($models, model);
