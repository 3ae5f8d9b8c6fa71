"""The game: its parts, joined."""

from collections.abc import Callable

from attrs import frozen

from mudserver.errors import Fenced
from mudserver.game.accounts import Accounts
from mudserver.game.attachments import Attachments
from mudserver.game.attendance import Attendance
from mudserver.game.audit import AuditLog
from mudserver.game.commands import Commands
from mudserver.game.deliveries import Deliveries
from mudserver.game.exclusions import Exclusions
from mudserver.game.expected import Expected
from mudserver.game.expiry import Expiry
from mudserver.game.fanout import FanOut
from mudserver.game.farewells import Farewells
from mudserver.game.gateways import Gateways
from mudserver.game.housekeeping import Housekeeping
from mudserver.game.journal import Journal
from mudserver.game.late_words import LateWords
from mudserver.game.latecomers import Latecomers
from mudserver.game.limits import GameLimits
from mudserver.game.links import Links
from mudserver.game.login_attempts import LoginAttempts
from mudserver.game.login_history import LoginHistory
from mudserver.game.loop import GameLoop
from mudserver.game.missing import MissingInputs
from mudserver.game.moderation import Moderation
from mudserver.game.network_bans import NetworkBanNotices
from mudserver.game.objections import Objections
from mudserver.game.opening import Opening
from mudserver.game.pastime import Pastime
from mudserver.game.ports import GamePorts
from mudserver.game.presence import Presence
from mudserver.game.pressure import PressureGauge
from mudserver.game.reattachment import Reattachments
from mudserver.game.recollection import Recollection
from mudserver.game.recorder import Recorder
from mudserver.game.repeats import Repeats
from mudserver.game.replies import Replies
from mudserver.game.restoration import Restoration
from mudserver.game.revalidation import Revalidation
from mudserver.game.revocations import Revocations
from mudserver.game.sessions import Sessions
from mudserver.game.stage import Stage
from mudserver.game.standings import Standings
from mudserver.game.states import States
from mudserver.game.stored_sessions import StoredSessions
from mudserver.game.timeline import Timeline
from mudserver.game.tokens import Tokens
from mudserver.game.upkeep import HistoryUpkeep
from mudserver.game.verb_allowances import VerbAllowances
from mudserver.ids import Epoch
from mudserver.interfaces.history import IHistoryStore
from mudserver.tasks import Tasks
from mudserver.world.names import reserved_names
from mudserver.world.world import World


@frozen
class Game:
    """The parts of a game that runs."""

    world: World
    sessions: Sessions
    loop: GameLoop
    journal: Journal
    pressure: PressureGauge
    fan_out: FanOut
    stage: Stage
    tokens: Tokens
    attempts: LoginAttempts
    logins: LoginHistory
    accounts: Accounts
    presence: Presence
    farewells: Farewells
    links: Links
    states: States
    opening: Opening
    attendance: Attendance
    reattachments: Reattachments
    gateways: Gateways
    deliveries: Deliveries
    late_words: LateWords
    repeats: Repeats
    attachments: Attachments
    revocations: Revocations
    standings: Standings
    notices: NetworkBanNotices
    moderation: Moderation
    revalidation: Revalidation
    expiry: Expiry
    audit: AuditLog
    missing: MissingInputs
    commands: Commands
    pastime: Pastime
    housekeeping: Housekeeping
    history: IHistoryStore
    upkeep: HistoryUpkeep
    tasks: Tasks


def assemble(
    world: World,
    ports: GamePorts,
    limits: GameLimits,
    epoch: Epoch,
    fenced: Callable[[Fenced], None],
) -> Game:
    """
    Join the parts of a game around a world.

    Args:
        world: As it was loaded after taking the lease.
        ports: What the game needs from outside.
        limits: How much, how many, how long.
        epoch: Of the lease.
        fenced: Told when another world has taken over.
    """
    world.bans.protected = limits.protected
    sessions = Sessions(limits.accounts.warnings)
    timeline = Timeline(epoch)
    tasks = Tasks(ports.meter)
    expected = Expected()
    loop = GameLoop(ports.clock, ports.meter)
    tokens = Tokens(
        store=ports.accounts,
        limits=limits.accounts,
        bans=world.bans,
        utc_now=ports.utc_now,
        token_bytes=ports.token_bytes,
    )
    logins = LoginHistory(
        store=ports.accounts,
        keep=limits.logins,
        clock=ports.clock,
        utc_now=ports.utc_now,
        tasks=tasks,
        meter=ports.meter,
    )
    attempts = LoginAttempts(
        store=ports.failed_logins,
        limits=limits.accounts.throttle,
        clock=ports.clock,
        utc_now=ports.utc_now,
        tasks=tasks,
        meter=ports.meter,
    )
    accounts = Accounts(
        store=ports.accounts,
        tokens=tokens,
        hasher=ports.hasher,
        attempts=attempts,
        history=logins,
        limits=limits.accounts,
        reserved=reserved_names((npc.name for npc in world.npcs.values()), world.lexicon),
        bans=world.bans,
        utc_now=ports.utc_now,
        clock=ports.clock,
        meter=ports.meter,
    )
    gateways = Gateways(ports.bus, epoch)
    deliveries = Deliveries(gateways, sessions, timeline, ports.clock)
    late_words = LateWords(deliveries, ports.clock)
    fan_out = FanOut(
        world=world,
        sessions=sessions,
        timeline=timeline,
        gateways=gateways,
        deliveries=deliveries,
        late_words=late_words,
        utc_now=ports.utc_now,
        meter=ports.meter,
    )
    notices = NetworkBanNotices(bans=world.bans, gateways=gateways, utc_now=ports.utc_now)
    restoration = Restoration(world=world, loop=loop, fan_out=fan_out, notices=notices)
    journal = Journal(
        store=ports.journal,
        epoch=epoch,
        clock=ports.clock,
        meter=ports.meter,
        restore=restoration.restore,
        fenced=fenced,
        limits=limits.journal,
    )
    pressure = PressureGauge(
        journal=journal,
        fan_out=fan_out,
        clock=ports.clock,
        limits=limits.pressure,
        meter=ports.meter,
    )
    stage = Stage(world=world, loop=loop, journal=journal, fan_out=fan_out, meter=ports.meter)
    exclusions = Exclusions()
    objections = Objections(bans=world.bans, exclusions=exclusions, utc_now=ports.utc_now)
    farewells = Farewells(gateways=gateways, clock=ports.clock)
    presence = Presence(
        world=world,
        sessions=sessions,
        timeline=timeline,
        expected=expected,
        exclusions=exclusions,
        objections=objections,
        loop=loop,
        stage=stage,
        fan_out=fan_out,
        history=logins,
        gateways=gateways,
        farewells=farewells,
        clock=ports.clock,
        limits=limits.presence,
        meter=ports.meter,
    )
    links = Links(
        world=world,
        sessions=sessions,
        loop=loop,
        stage=stage,
        presence=presence,
        clock=ports.clock,
        limits=limits.presence,
    )
    states = States(world=world, sessions=sessions, loop=loop, fan_out=fan_out)
    opening = Opening(
        states=states,
        clock=ports.clock,
        utc_now=ports.utc_now,
        meter=ports.meter,
        apart=ports.apart,
    )
    attendance = Attendance(
        epoch=epoch, sessions=sessions, links=links, opening=opening, clock=ports.clock
    )
    repeats = Repeats(
        world=world,
        sessions=sessions,
        timeline=timeline,
        loop=loop,
        fan_out=fan_out,
        deliveries=deliveries,
        clock=ports.clock,
        utc_now=ports.utc_now,
        meter=ports.meter,
    )
    recollection = Recollection(
        store=ports.journal, sessions=sessions, clock=ports.clock, tasks=tasks
    )
    reattachments = Reattachments(
        world=world,
        epoch=epoch,
        stored=StoredSessions(accounts=ports.accounts, world=ports.world, journal=ports.journal),
        journal=journal,
        sessions=sessions,
        expected=expected,
        objections=objections,
        presence=presence,
        links=links,
        stage=stage,
        states=states,
        latecomers=Latecomers(late_words=late_words, fan_out=fan_out, repeats=repeats, loop=loop),
        recollection=recollection,
        loop=loop,
        clock=ports.clock,
        utc_now=ports.utc_now,
        meter=ports.meter,
    )
    attachments = Attachments(
        store=ports.world,
        accounts=accounts,
        tokens=tokens,
        journal=journal,
        sessions=sessions,
        expected=expected,
        exclusions=exclusions,
        presence=presence,
        clock=ports.clock,
    )
    revocations = Revocations(accounts=accounts, tokens=tokens, presence=presence, tasks=tasks)
    standings = Standings(
        store=ports.accounts,
        notices=ports.notices,
        world=world,
        sessions=sessions,
        presence=presence,
        tasks=tasks,
        clock=ports.clock,
    )
    audit = AuditLog(
        journal=journal, clock=ports.clock, utc_now=ports.utc_now, token_bytes=ports.token_bytes
    )
    moderation = Moderation(
        world=world,
        store=ports.world,
        sessions=sessions,
        loop=loop,
        stage=stage,
        pressure=pressure,
        presence=presence,
        notices=notices,
        audit=audit,
        clock=ports.clock,
        utc_now=ports.utc_now,
    )
    revalidation = Revalidation(standings=standings, clock=ports.clock, pick=ports.pick)
    expiry = Expiry(
        store=ports.accounts,
        sessions=sessions,
        presence=presence,
        gateways=gateways,
        tasks=tasks,
        clock=ports.clock,
        utc_now=ports.utc_now,
        loop=loop,
        meter=ports.meter,
    )
    missing = MissingInputs(
        sessions=sessions, gateways=gateways, clock=ports.clock, meter=ports.meter
    )
    replies = Replies(
        journal=journal,
        fan_out=fan_out,
        deliveries=deliveries,
        farewells=farewells,
        gateways=gateways,
        clock=ports.clock,
        meter=ports.meter,
    )
    commands = Commands(
        world=world,
        store=ports.world,
        sessions=sessions,
        loop=loop,
        stage=stage,
        journal=journal,
        allowances=VerbAllowances(limits.verbs, ports.meter),
        pressure=pressure,
        fan_out=fan_out,
        replies=replies,
        repeats=repeats,
        missing=missing,
        recollection=recollection,
        presence=presence,
        revocations=revocations,
        moderation=moderation,
        history=ports.history,
        recorder=Recorder(limits.history, ports.utc_now),
        audit=audit,
        gateways=gateways,
        clock=ports.clock,
        utc_now=ports.utc_now,
        meter=ports.meter,
    )
    pastime = Pastime(world=world, stage=stage, clock=ports.clock, pick=ports.pick)
    housekeeping = Housekeeping(store=ports.journal, clock=ports.clock, tasks=tasks)
    return Game(
        world=world,
        sessions=sessions,
        loop=loop,
        journal=journal,
        pressure=pressure,
        fan_out=fan_out,
        stage=stage,
        tokens=tokens,
        attempts=attempts,
        logins=logins,
        accounts=accounts,
        presence=presence,
        farewells=farewells,
        links=links,
        states=states,
        opening=opening,
        attendance=attendance,
        reattachments=reattachments,
        gateways=gateways,
        deliveries=deliveries,
        late_words=late_words,
        repeats=repeats,
        attachments=attachments,
        revocations=revocations,
        standings=standings,
        notices=notices,
        moderation=moderation,
        revalidation=revalidation,
        expiry=expiry,
        audit=audit,
        missing=missing,
        commands=commands,
        pastime=pastime,
        housekeeping=housekeeping,
        history=ports.history,
        upkeep=HistoryUpkeep(
            store=ports.history,
            epoch=epoch,
            retention=limits.history,
            utc_now=ports.utc_now,
            clock=ports.clock,
            tasks=tasks,
            meter=ports.meter,
        ),
        tasks=tasks,
    )
