"""A typed, multi-tenant storage layer that knows no subject: models, schema, sessions, repositories."""
