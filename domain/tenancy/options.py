"""Execution options of statements, each True where it is given."""

TRUSTED = "domain_trusted"  # carries its organization, or looks up one row
READS = "domain_reads"  # only reads: may go outside a transaction, before the first write
ADMITS_DELETED = "domain_admits_deleted"  # of organizations: finds nothing where the session's is deleted
INCLUDE_DELETED = "domain_include_deleted"  # deleted rows are asked for as well
PURGING = "domain_purging"  # a DELETE that may remove rows: the purge's
