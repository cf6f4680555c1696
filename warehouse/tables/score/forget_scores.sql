-- Deletes the scores of some models.
DELETE FROM score WHERE list_contains($models, model);
