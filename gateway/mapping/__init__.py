"""From YAML and databases to compiled tables. The only inside package that opens files, once, at load."""
