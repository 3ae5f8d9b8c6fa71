"""A meter that remembers how large batches were."""

from mudserver.telemetry.metrics import NullMeter


class BatchMeter(NullMeter):
    """
    Remembers one metric.

    Attributes:
        batches: The name and the size of each batch, in order.
    """

    def __init__(self) -> None:
        self.batches: list[tuple[str, float]] = []

    def observe(self, metric: str, value: float, **labels: str) -> None:
        assert metric == "database_batch_keys", metric
        self.batches.append((labels["batch"], value))
