"""The alert rules that are shipped name metrics, labels and codes that there are."""

import re
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CloseCode
from mudserver.game.verb_allowances import Expensive
from mudserver.telemetry.metrics import METRICS, PREFIX, Kind

RULES = Path(__file__).parents[2] / "docs" / "alerts.yml"

_SAMPLES = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",)}
_HISTOGRAM = ("_bucket", "_sum", "_count")

#: Each metric's samples, as Prometheus sees them, and its labels.
SAMPLES = {
    f"{PREFIX}{metric.name}{suffix}": {*metric.labels, *(["le"] if suffix == "_bucket" else [])}
    for metric in METRICS
    for suffix in _SAMPLES.get(metric.kind, _HISTOGRAM)
}

_SELECTOR = re.compile(r"(mud_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)(=|!=|=~|!~)"([^"]*)"')

#: What must be told of, and by which metric.
WANTED = {
    "MudFloodOfMessages": "mud_refusals_total",
    "MudAbusersClosed": "mud_closes_total",
    "MudCredentialStuffing": "mud_logins_total",
    "MudSlowConsumers": "mud_outbox_overflows_total",
    "MudSessionsDie": "mud_closes_total",
    "MudDatabasePressure": "mud_journal_pressure",
    "MudHistoryUpkeepFails": "mud_history_upkeep_failures_total",
    "MudBusCertificateEnds": "mud_bus_certificate_seconds",
    "MudBusCertificateSpoiled": "mud_bus_certificate_spoiled",
    "MudChatLinesDropped": "mud_journal_lines_dropped_total",
}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


class AlertTests(SynchronousTestCase):
    def test_form(self) -> None:
        """Each rule has a name of its own, an expression, a severity and words for people."""
        names = [rule["alert"] for rule in rules()]
        self.assertEqual(len(names), len(set(names)))
        for rule in rules():
            self.assertLessEqual(
                set(rule), {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
            )
            self.assertIn(rule["labels"]["severity"], {"page", "ticket"})
            self.assertEqual(set(rule["annotations"]), {"summary", "description"})
            self.assertRegex(rule.get("for", "1m"), r"^\d+[smh]$")
            for opening, closing in ("()", "{}", "[]"):
                self.assertEqual(rule["expr"].count(opening), rule["expr"].count(closing))

    def test_metrics(self) -> None:
        """Each expression is about metrics that are declared, by labels that they have."""
        for rule in rules():
            found = _SELECTOR.findall(rule["expr"])
            self.assertTrue(found, rule["alert"])
            for sample, selector in found:
                self.assertIn(sample, SAMPLES, rule["alert"])
                matchers = _MATCHER.findall(selector)
                self.assertEqual(
                    ",".join("".join((name, sign, f'"{value}"')) for name, sign, value in matchers),
                    selector,
                )
                for name, _, value in matchers:
                    self.assertIn(name, SAMPLES[sample], rule["alert"])
                    re.compile(value)

    def test_counters_are_rated(self) -> None:
        """Counters are looked at by their growth only, since they begin anew at each start."""
        for rule in rules():
            for match in re.finditer(r"mud_[a-z_]+_(?:total|bucket)(?:\{[^}]*\})?", rule["expr"]):
                before, after = rule["expr"][: match.start()], rule["expr"][match.end() :]
                self.assertRegex(before, r"(rate|increase)\($", rule["alert"])
                self.assertRegex(after, r"^\[\d+m\]\)", rule["alert"])

    def test_codes(self) -> None:
        """Close codes are those of the protocol, or the word for a connection that was lost."""
        known = {str(int(code)) for code in CloseCode} | {"lost"}
        for rule in rules():
            for code in re.findall(r'code=~?"([^"]*)"', rule["expr"]):
                self.assertLessEqual(set(code.split("|")), known, rule["alert"])

    def test_reasons_of_verbs(self) -> None:
        """The alert on expensive commands takes in each of them, and the one on messages none."""
        patterns = {
            rule["alert"]: re.findall(r'reason=~"([^"]*)"', rule["expr"])[0]
            for rule in rules()
            if rule["alert"] in ("MudFloodOfMessages", "MudFloodOfExpensiveCommands")
        }
        for verb in Expensive:
            reason = f"rate_limited_{verb.value}"
            self.assertRegex(reason, f"^(?:{patterns['MudFloodOfExpensiveCommands']})$")
            self.assertNotRegex(reason, f"^(?:{patterns['MudFloodOfMessages']})$")

    def test_wanted(self) -> None:
        """Floods, guessed passwords, slow readers, dying sessions and the database are told of."""
        by_name = {rule["alert"]: rule["expr"] for rule in rules()}
        for name, metric in WANTED.items():
            self.assertIn(metric, by_name[name])
