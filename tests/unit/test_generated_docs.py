"""The parts of the documentation that are generated."""

import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from prometheus_client import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import KEYS, load
from mudserver.telemetry.metrics import PrometheusMeter

_DOCS = Path(__file__).parents[2] / "docs"


def _generator() -> ModuleType:
    spec = spec_from_file_location("generate", _DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class GeneratedDocsTests(SynchronousTestCase):
    def test_nothing_is_stale(self) -> None:
        """Every generated part says what the code says; else run ``python docs/generate.py``."""
        generate = _generator()
        for page in generate.pages():
            text = page.read_text(encoding="utf-8")
            self.assertEqual(generate.renewed(text), text, page.name)

    def test_everything_is_shown(self) -> None:
        """Each generated part stands on some page."""
        generate = _generator()
        texts = [page.read_text(encoding="utf-8") for page in generate.pages()]
        for name in generate.PARTS:
            mark = f"<!-- generated: {name} -->"
            self.assertEqual(sum(text.count(mark) for text in texts), 1, name)


class ConfigurationDocsTests(SynchronousTestCase):
    def test_every_setting(self) -> None:
        """Each setting is in the table, with its option and its variable."""
        text = (_DOCS / "configuration.md").read_text(encoding="utf-8")
        for key in KEYS:
            self.assertRegex(text, rf"\| `--{re.escape(key.option)}` \| `{key.variable}` \|")

    def test_example(self) -> None:
        """The example is a file that is accepted."""
        text = (_DOCS / "configuration.md").read_text(encoding="utf-8")
        found = re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert found is not None
        path = Path(self.mktemp())
        path.write_text(found[1], encoding="utf-8")
        settings = load({}, {}, path)
        self.assertEqual(settings.name, tomllib.loads(found[1])["name"])
        self.assertEqual(settings.grace, 300)


class MetricsDocsTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Every metric that a page names is one that Prometheus is shown."""
        shown = generate_latest(PrometheusMeter().registry).decode()
        known = set(re.findall(r"^# TYPE (\w+) ", shown, re.MULTILINE))
        for page in _generator().pages():
            for name in re.findall(r"\bmud_\w+", page.read_text(encoding="utf-8")):
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertIn(base, known, page.name)
