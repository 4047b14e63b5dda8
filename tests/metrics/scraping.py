"""What a scrape says, by the parser of Prometheus's own client."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Scrape:
    """A scrape's samples."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: list[Sample] = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """What is not 0, by the labels' values in the order of their names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name == name and sample.value
        }

    @property
    def queries(self) -> dict[tuple[str, ...], float]:
        """The number of statements, by operation and table."""
        return self.values("db_query_duration_seconds_count")

    @property
    def units(self) -> dict[tuple[str, ...], float]:
        """The number of units, by outcome."""
        return self.values("db_units_total")
