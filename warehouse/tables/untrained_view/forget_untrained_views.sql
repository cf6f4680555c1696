-- Deletes the rows of the pairs $units, each as network/view.
DELETE FROM untrained_view WHERE list_contains($units, network || '/' || view);
