"""A workshop's own data, beside that of its tenders."""

from .models import Invoice, InvoiceContent, InvoiceStatus
from .repositories import InvoiceRepository

__all__ = ["Invoice", "InvoiceContent", "InvoiceRepository", "InvoiceStatus"]
