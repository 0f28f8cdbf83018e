"""Mistakes one could make in the present sources, each with the tests that must notice it.

A table and nothing else; what is done with it is in `plant`. When the sources change so that an old text is not found
any more, the mistake is to be made anew, not to be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

INTAKE, DOOR = "channels/telegram/intake.py", "channels/whatsapp/door.py"
SENDING, DELIVERY = "channels/whatsapp/sending.py", "channels/telegram/delivery.py"
BURST, DATABASE, HINTS = "core/burst.py", "core/store/database.py", "core/store/hints.py"
INBOX, LEASES, PARTS, WORK = (f"core/store/{name}.py" for name in ("inbox", "leases", "parts", "work"))

STORE = "tests/core/store/test_"
FENCING, CONFORMANCE, OUTAGES = (
    f"{STORE}fencing.py::test_",
    f"{STORE}conformance.py::test_",
    f"{STORE}outages.py::test_",
)
TELEGRAM, WHATSAPP = "tests/channels/telegram/test_", "tests/channels/whatsapp/test_"


@dataclass(frozen=True)
class Bug:
    """One mistake: in this file this text, found once, reads otherwise; the tests as pytest names them."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BUGS = (
    Bug(
        "a webhook of Telegram's is acknowledged before the commit",
        INTAKE,
        "return web.Response() if await self._take([update]) else web.Response(status=503, headers=LATER)",
        "asyncio.ensure_future(self._take([update]))\n        return web.Response()",
        (f"{TELEGRAM}webhook.py::test_while_the_store_is_away_telegram_is_asked_to_come_back",),
    ),
    Bug(
        "a message of WhatsApp's is acknowledged though it was not committed",
        DOOR,
        "committed = await self._heard(await self._form(request))",
        "committed = await self._heard(await self._form(request)) is not None",
        (
            f"{WHATSAPP}door.py::test_a_message_that_could_not_be_committed_is_asked_for_again",
            f"{WHATSAPP}channel.py::test_a_message_the_store_could_not_keep_is_not_confirmed_and_comes_again",
        ),
    ),
    Bug(
        "the offset moves on before the commit",
        INTAKE,
        "            if committed:\n",
        "            if committed or not asked_to_wait:\n",
        (
            f"{TELEGRAM}intake.py::test_trap_01_a_store_that_fails_twice_is_asked_again_from_the_same_offset_and_hears_once",
            f"{TELEGRAM}intake.py::test_one_update_of_a_batch_that_is_not_committed_keeps_the_offset_where_it_is",
        ),
    ),
    Bug(
        "every process asks for updates",
        INTAKE,
        'async with inbox.fleet.alone(f"telegram:{self._client.bot}:getUpdates"):',
        "if True:",
        (
            f"{TELEGRAM}many_processes.py::test_only_one_process_asks_for_updates_and_another_goes_on_when_it_ends",
            f"{TELEGRAM}many_processes.py::test_a_process_that_is_overtaken_stops_asking_and_stands_by",
        ),
    ),
    Bug(
        "work is told to be done before its commit",
        DATABASE,
        "            results = [job.work(connection) for job in group]\n",
        "            results = [job.work(connection) for job in group]\n"
        "            _tell([(job.future, result, None) for job, result in zip(group, results, strict=True)])\n",
        (
            f"{OUTAGES}a_network_that_breaks_at_a_commit_or_at_its_answer_counts_once",
            f"{STORE}store.py::test_one_bad_unit_of_work_costs_the_others_of_its_group_nothing",
            "tests/reliability/planted/test_missing.py::test_nobody_is_told_of_a_commit_before_it_is_made",
        ),
    ),
    Bug(
        "a commit that was lost is not made again",
        DATABASE,
        "if again and (_is_lost(connection, error) or _is_passing(error)):",
        "if again and _is_passing(error):",
        (
            f"{OUTAGES}a_connection_lost_in_the_middle_of_a_commit_costs_nothing_and_counts_once",
            f"{OUTAGES}a_group_whose_commit_was_lost_is_committed_whole",
        ),
    ),
    Bug(
        "chats are locked in the order in which they came",
        DATABASE,
        "together = sorted((job for job in group if job.chat is not None), key=lambda job: str(job.chat))",
        "together = [job for job in group if job.chat is not None]",
        (f"{OUTAGES}processes_that_write_to_the_same_chats_in_opposite_order_never_wait_for_each_other",),
    ),
    Bug(
        "a commit is not synced to disk",
        "core/store/sqlite.py",
        "synchronous=FULL",
        "synchronous=OFF",
        (f"{STORE}store.py::test_commits_are_synced_to_disk_and_readers_cannot_write",),
    ),
    Bug(
        "no fence",
        LEASES,
        "if claim is not None and c.execute(_fence, _of(owner, claim)).first() is None:",
        "if False:",
        (f"{FENCING}a_zombie_is_refused_and_changes_nothing[memory-plan]",),
    ),
    Bug(
        "a fence that does not look at the epoch",
        LEASES,
        'conversation.c.epoch == bindparam("e"))\n',
        'conversation.c.epoch >= 0 * bindparam("e", type_=Integer))\n',
        (f"{FENCING}an_old_claim_is_refused_to_a_process_that_won_its_chat_again",),
    ),
    Bug(
        "a fence that does not lock",
        LEASES,
        "_fence = select(conversation.c.conv).where(*_held).with_for_update(read=True)",
        "_fence = select(conversation.c.conv).where(*_held)",
        (f"{FENCING}nobody_takes_a_chat_over_in_the_middle_of_a_write_under_its_claim",),
    ),
    Bug(
        "settling is not fenced",
        WORK,
        '_grow.where(conversation.c.owner == bindparam("me"), conversation.c.epoch == bindparam("e"))',
        '_grow.where(bindparam("me", type_=String) != "", bindparam("e", type_=Integer) >= 0)',
        (f"{FENCING}a_zombie_is_refused_and_changes_nothing[memory-settle]",),
    ),
    Bug(
        "leases are judged by the host's clock",
        LEASES,
        "_over = conversation.c.lease_until < now_micros()",
        '_host = bindparam("host", callable_=lambda: __import__("time").time_ns() // 1000, type_=now_micros.type)\n'
        "_over = conversation.c.lease_until < _host",
        (f"{STORE}leases.py::test_a_process_with_a_wrong_clock_claims_nothing_it_should_not_and_gives_no_wrong_lease",),
    ),
    Bug(
        "a chat is taken over before its lease is over",
        LEASES,
        "_over = conversation.c.lease_until < now_micros()",
        "_over = conversation.c.lease_until < UNTIL",
        (f"{STORE}leases.py::test_a_dead_process_s_chat_is_taken_over_after_its_lease_and_not_before",),
    ),
    Bug(
        "a claim waits for rows somebody writes",
        LEASES,
        ".with_for_update(skip_locked=True)",
        ".with_for_update()",
        (f"{FENCING}a_claim_passes_over_rows_somebody_writes_instead_of_waiting",),
    ),
    Bug(
        "a lost wake-up: a chat is given back though a message came while the last one was settled",
        WORK,
        "_has_more = _heads < conversation.c.tail\n",
        "_has_more = _heads < conversation.c.tail - 1\n",
        (
            f"{CONFORMANCE}a_chat_is_given_back_exactly_when_nothing_of_it_waits",
            f"{CONFORMANCE}a_message_that_comes_while_the_last_one_is_settled_is_never_left_without_an_owner_or_a_claim",
        ),
    ),
    Bug(
        "a lost wake-up: work nobody told of is not looked for",
        "core/leases.py",
        '            group.create_task(self._for_ever("looking", self.look, self._until_news))\n',
        "",
        (
            "tests/reliability/planted/test_missing.py::test_work_nobody_told_of_is_found_by_looking",
            f"{STORE}rolling.py::test_what_the_version_before_admits_the_new_one_finds_by_looking",
        ),
    ),
    Bug(
        "a duplicate counts as work",
        INBOX,
        '        c.execute(_unsay, {"c": conv})\n',
        "",
        (
            f"{CONFORMANCE}a_duplicate_is_no_news_and_leaves_every_counter_alone",
            "tests/reliability/redelivery/test_redelivery.py",
        ),
    ),
    Bug(
        "messages are answered in the order of their commits",
        INBOX,
        "query = query.order_by(inbox.c.at, inbox.c.seq)",
        "query = query.order_by(inbox.c.seq)",
        (f"{CONFORMANCE}messages_two_processes_committed_inverted_are_answered_as_they_were_written",),
    ),
    Bug(
        "what was settled is settled again",
        WORK,
        '.where(conversation.c.conv == bindparam("c"), ~_settled.exists())',
        '.where(conversation.c.conv == bindparam("c"))',
        (
            f"{CONFORMANCE}a_settlement_of_a_known_key_changes_nothing_and_says_who_has_the_chat",
            f"{FENCING}what_was_settled_before_may_be_settled_again_by_whoever_did_not_hear_of_it",
        ),
    ),
    Bug(
        "what the platform told is overwritten by the end of our send",
        PARTS,
        'state=case((_kept, part.c.state), else_=bindparam("s"))',
        'state=bindparam("s")',
        (f"{STORE}parts_and_names.py::test_what_the_platform_told_before_our_send_ended_is_not_taken_back",),
    ),
    Bug(
        "an answer is sent before it is planned",
        BURST,
        "        parts = await self._store.plan(self._settlement(), texts, self._claim)\n",
        "        parts = [Part(self._settlement().key, n, text) for n, text in enumerate(texts)]\n",
        ("tests/core/desk/test_resume.py",),
    ),
    Bug(
        "an opening is sent before that is written down",
        DELIVERY,
        "        await self._mark(part, PartState.SENDING)\n",
        "",
        (
            f"{TELEGRAM}delivery.py",
            "tests/reliability/planted/test_missing.py::test_an_opening_is_written_down_before_it_is_sent",
        ),
    ),
    Bug(
        "what may have arrived is sent again without looking for it",
        SENDING,
        "                if status := await self._looked_for():\n                    return status\n",
        "",
        (
            f"{WHATSAPP}delivery.py::test_trap_17_a_500_causes_exactly_one_post_until_the_probe_decided",
            f"{WHATSAPP}delivery.py::test_a_message_sent_without_an_answer_is_found_and_not_sent_again",
        ),
    ),
    Bug(
        "what an earlier life may have sent is sent again without looking for it",
        SENDING,
        "        if self.part.state in {PartState.SENDING, PartState.UNKNOWN}:\n",
        "        if self.part.state is PartState.UNKNOWN:\n",
        (f"{WHATSAPP}delivery.py::test_a_part_left_open_in_an_earlier_life_is_looked_for_first",),
    ),
)
"""No two of them say the same."""
