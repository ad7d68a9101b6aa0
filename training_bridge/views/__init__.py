"""Pages of the training bridge, one module for each: for admins and researchers."""
