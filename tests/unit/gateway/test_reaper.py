"""The reaper calls those whose deadline has come."""

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.reaper import SWEEP_SECONDS, Reaper


@define(eq=False)
class Patient:
    """Has a deadline; counts how often it is looked at, and when it is called."""

    at: float | None
    then: float | None = None
    looks: int = 0
    calls: list[float] = field(factory=list)

    @property
    def deadline(self) -> float | None:
        self.looks += 1
        return self.at

    def due(self, now: float) -> None:
        self.calls.append(now)
        self.at = self.then


@define(eq=False)
class Broken:
    """Fails, and does nothing about its deadline."""

    deadline: float | None
    calls: int = 0

    def due(self, now: float) -> None:
        self.calls += 1
        raise ZeroDivisionError


class ReaperTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.reaper = Reaper(self.clock)
        self.reaper.start()

    def tearDown(self) -> None:
        self.reaper.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def sweeps(self, amount: int) -> None:
        self.clock.pump([SWEEP_SECONDS] * amount)

    def test_held_up(self) -> None:
        """After the reactor was held up, what came meanwhile is read before anybody is given up."""
        alive, gone = Patient(1.0), Patient(1.0)
        self.reaper.watch(alive)
        self.reaper.watch(gone)
        self.clock.callLater(5.0, setattr, alive, "at", 9.0)
        self.clock.advance(5.0)
        self.assertEqual((alive.calls, gone.calls), ([], [5.0]))
        self.sweeps(20)
        self.assertEqual(len(alive.calls), 1)

    def test_stop_while_put_off(self) -> None:
        """Nothing is swept after a stop, even where that was put off."""
        self.reaper.watch(patient := Patient(1.0))
        self.clock.callLater(5.0, self.reaper.stop)
        self.clock.advance(5.0)
        self.assertEqual(patient.calls, [])

    def test_called_when_due(self) -> None:
        """A deadline is noticed by the first sweep after it, and called once."""
        patient = Patient(1.2)
        self.reaper.watch(patient)
        self.sweeps(2)
        self.assertEqual(patient.calls, [])
        self.sweeps(10)
        self.assertEqual(patient.calls, [1.5])
        self.assertEqual(len(self.reaper), 0)

    def test_called_again(self) -> None:
        """One whose deadline moved on when it was called is called again."""
        patient = Patient(1.0, then=3.0)
        self.reaper.watch(patient)
        self.sweeps(4)
        self.assertEqual(patient.calls, [1.0])
        patient.then = None
        self.sweeps(10)
        self.assertEqual(patient.calls, [1.0, 3.0])

    def test_moving_away_costs_nothing(self) -> None:
        """One whose deadline moves away is looked at once, when the old one would have come."""
        patient = Patient(2.0)
        self.reaper.watch(patient)
        patient.at = 100.0
        patient.looks = 0
        self.sweeps(3)
        self.assertEqual(patient.looks, 0)
        self.sweeps(20)
        self.assertEqual(patient.calls, [])
        self.assertLessEqual(patient.looks, 2)

    def test_cost_follows_what_is_due(self) -> None:
        """A sweep looks at those whose deadline has come, and at nobody else."""
        crowd = [Patient(1_000.0) for _ in range(10_000)]
        few = [Patient(1.0) for _ in range(3)]
        for patient in (*crowd, *few):
            self.reaper.watch(patient)
            patient.looks = 0
        self.sweeps(20)
        self.assertEqual([len(patient.calls) for patient in few], [1, 1, 1])
        self.assertEqual(sum(patient.looks for patient in crowd), 0)

    def test_nearer(self) -> None:
        """A deadline that has moved nearer counts from when that was told."""
        patient = Patient(100.0)
        self.reaper.watch(patient)
        patient.at = 1.0
        self.reaper.watch(patient)
        self.sweeps(2)
        self.assertEqual(patient.calls, [1.0])
        self.assertEqual(len(self.reaper), 0)

    def test_watching_twice_is_once(self) -> None:
        """To watch one that is watched already doesn't call it twice."""
        patient = Patient(1.0)
        self.reaper.watch(patient)
        self.reaper.watch(patient)
        self.assertEqual(len(self.reaper), 1)
        self.sweeps(4)
        self.assertEqual(patient.calls, [1.0])

    def test_no_deadline(self) -> None:
        """One without a deadline is not watched, and no longer when it has none any more."""
        patient = Patient(None)
        self.reaper.watch(patient)
        self.assertEqual(len(self.reaper), 0)
        patient.at = 1.0
        self.reaper.watch(patient)
        patient.at = None
        self.reaper.watch(patient)
        self.assertEqual(len(self.reaper), 0)
        self.sweeps(4)
        self.assertEqual(patient.calls, [])

    def test_forget(self) -> None:
        """One that is forgotten is not called; forgetting a stranger changes nothing."""
        patient = Patient(1.0)
        self.reaper.watch(patient)
        self.reaper.forget(patient)
        self.reaper.forget(Patient(1.0))
        self.sweeps(4)
        self.assertEqual(patient.calls, [])
        self.assertEqual(len(self.reaper), 0)

    def test_forgotten_are_let_go(self) -> None:
        """The queue doesn't keep those who are long forgotten, however far their deadline was."""
        crowd = [Patient(1_000.0 + number) for number in range(1_000)]
        for patient in crowd:
            self.reaper.watch(patient)
        for patient in crowd[1:]:
            self.reaper.forget(patient)
        self.assertLess(len(self.reaper._queue._queue), 100)
        for patient in crowd[1:]:
            self.reaper.watch(patient)
            patient.at = None
            self.reaper.watch(patient)
        self.assertLess(len(self.reaper._queue._queue), 100)
        self.assertEqual(len(self.reaper), 1)
        self.sweeps(2_001)
        self.assertEqual(crowd[0].calls, [1_000.0])

    def test_a_failing_owner(self) -> None:
        """One that fails is logged and called again by the next sweep; the others have theirs."""
        broken, patient = Broken(1.0), Patient(1.0)
        self.reaper.watch(broken)
        self.reaper.watch(patient)
        self.sweeps(2)
        self.assertEqual(broken.calls, 1)
        self.assertEqual(patient.calls, [1.0])
        self.sweeps(1)
        self.assertEqual(broken.calls, 2)
        broken.deadline = None
        self.sweeps(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(len(self.reaper), 0)

    def test_forgets_itself(self) -> None:
        """One that ends while it is called is not watched any more."""
        reaper = self.reaper

        class Ending(Patient):
            def due(self, now: float) -> None:
                super().due(now)
                reaper.forget(self)

        ending = Ending(1.0)
        self.reaper.watch(ending)
        self.sweeps(4)
        self.assertEqual(ending.calls, [1.0])
        self.assertEqual(len(self.reaper), 0)
