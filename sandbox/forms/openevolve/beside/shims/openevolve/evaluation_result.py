"""The result of an evaluator that has more to tell than metrics."""

from dataclasses import dataclass, field


@dataclass
class EvaluationResult:
    """`metrics` are figures by name, `artifacts` text or bytes by name."""

    metrics: dict
    artifacts: dict = field(default_factory=dict)

    @classmethod
    def from_dict(cls, metrics):
        """A result without artifacts."""
        return cls(metrics=metrics)

    def to_dict(self):
        """The metrics."""
        return self.metrics

    def has_artifacts(self):
        """Whether there are any."""
        return bool(self.artifacts)

    def get_artifact_keys(self):
        """Their names."""
        return list(self.artifacts)

    def get_artifact_size(self, key):
        """The bytes of one, 0 when it is not there."""
        value = self.artifacts.get(key, b"")
        return len(value if isinstance(value, bytes) else str(value).encode())

    def get_total_artifact_size(self):
        """The bytes of all of them."""
        return sum(map(self.get_artifact_size, self.artifacts))
