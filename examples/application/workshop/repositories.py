"""Typed access to the workshop's tables."""

from domain import TenantRepository, constructor

from .models import Invoice


class InvoiceRepository(TenantRepository[Invoice]):
    """The invoices of one organization."""

    model = Invoice

    @constructor(Invoice)
    def create(self, entity: Invoice) -> Invoice:
        """Insert a new invoice. Raises DuplicateError where a live one has the number."""
        return self.add(entity)
