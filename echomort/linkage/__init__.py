"""When a file's header and the health records name the same study and patient. Nothing of a number is shown."""
