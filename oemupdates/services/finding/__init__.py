"""Finding nodes and activity: a query within a reach as rows, pages and numbers."""
