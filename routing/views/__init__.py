"""Pages of routing, one module for each: researchers look, admins change."""
