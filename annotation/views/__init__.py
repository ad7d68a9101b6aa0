"""Pages of this room: `rating` is what raters work on, `staff` what the people see who run the project."""
