"""PostgreSQL: typed callers of the functions in schema/functions/, and what keeps the schema true."""
