"""A reader study from end to end: cases drawn and frozen, bundles for readers, answers read back and summed up."""
