"""Many movies in one go: the table that names them, the work on each, and the summary at the end."""
