"""What a member does about who is in a thread: look, agree, leave, recognise, give history (tep.md §5.4)."""

from os import urandom

from etherapy.binary import B64
from etherapy.crypto.safety import safety_number
from etherapy.protocol import endpoints
from etherapy.protocol.membership import LeaveThread, SignConsent
from etherapy.sdk.faults import NoSuchConsent, NoSuchMember, NotInThread, NotYours
from etherapy.sdk.keeping.kept import KeptConsent
from etherapy.sdk.messages.reading import Reading
from etherapy.sdk.messages.resealing import reseal_own
from etherapy.sdk.threads.causes import Wish
from etherapy.sdk.threads.committing import settle_epoch, stand
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.granting import grant_history
from etherapy.sdk.threads.who import Participant, Question, ambiguous_names, participants, questions
from etherapy.tep.consent import consent_hash, sign_consent
from etherapy.tep.epoch import CommitCore
from etherapy.tep.leaving import Leave, sign_leave
from etherapy.tep.links import DeviceClass


class Membership(Reading):
    """A member of threads, among others. `Session` has it all."""

    async def who(self, thread: bytes) -> list[Participant]:
        """Everybody of a thread: who reads it, since when and until when, who waits to come in, who left.

        for one in await me.who(thread): print(one.name, one.role, one.until)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            people = await desk.look_at_people()
            return [] if people is None else participants(desk, people)

    async def consents(self, thread: bytes) -> list[Question]:
        """What is asked about this thread: who may come in. Nothing happens before everybody agreed.

        for one in await me.consents(thread):
            if one.mine: print(one.words)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            await desk.look_at_people()
            return questions(desk, await stand(desk), self.zone)

    async def consent(self, thread: bytes, consent: bytes) -> bool:
        """Agree to a question of `consents`, after reading its words; whether everybody has agreed now.

        If so, the newcomer's epoch begins at once, and what waits from here is sealed for a cover as well.

            await me.consent(thread, question.consent)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            await desk.look_at_people()
            standing = await stand(desk)
            asked = next((one for one in questions(desk, standing, "") if one.consent == consent), None)
            if asked is None:
                raise NoSuchConsent("nothing of this kind is asked in this thread")
            return await sign_and_settle(desk, desk.state.consents[consent].core)

    async def leave(self, thread: bytes) -> None:
        """Leave a thread for good. What one has waiting there comes back; what was read stays on this device.

        The others go on without; their next epoch is closed to all of one's devices.
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            if desk.log.epochs.owner == self.chain:
                words = "this thread is yours: it ends when its clients leave, or when it is closed"
                raise NotYours(words, "while you are away a colleague can cover for you")
            word = Leave(thread, self.chain, self.keys.device_id, self.device_time(), urandom(16), self.home)
            body = LeaveThread(B64(sign_leave(word, self.keys.sign)))
            await self.transport.call(endpoints.leave_thread, body, thread=thread)
            desk.end()

    async def exclude_device(self, thread: bytes, device: bytes) -> None:
        """Leave one of one's own devices out of a thread; an owning therapist, anybody's. Everybody sees it.

        It reads nothing more here until its person's devices change. The recovery code stays in.
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            row = _newest(desk).row_of(device)
            if row is None:
                raise NoSuchMember("no device with this id reads this thread")
            if self.chain not in (row.chain_id, desk.log.epochs.owner):
                raise NotYours("only its person, or the therapist whose thread it is, leaves a device out")
            if device == self.keys.device_id:
                raise NotYours("a device cannot leave itself out", "do it on another of your devices")
            person = self.people.person(row.chain_id)
            if person and person.chain.devices[device].device_class == DeviceClass.RECOVERY:
                raise NotYours("a recovery code is left out of no thread", "its person can replace it")
            await settle_epoch(desk, age=0, wish=Wish(devices=frozenset({device})))
            await reseal_own(desk)

    async def comparison(self, thread: bytes, chain: bytes) -> str:
        """60 digits to compare with somebody of a thread in session; theirs must be the same."""
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
        if chain == self.chain or chain not in desk.log.epochs.users():
            raise NoSuchMember("nobody else of this thread has this id")
        return safety_number(self.chain, chain)

    async def confirm(self, thread: bytes, chain: bytes) -> None:
        """Say that the 60 digits were compared in session and are the same: this is the person one means.

        Kept on this device only. Never because the server, or a message, says so.
        """
        await self.comparison(thread, chain)
        desk = self.desk(thread)
        async with desk.lock:
            if chain not in desk.state.confirmed:
                desk.state.confirmed.append(chain)
                self.profile.save_thread(desk.state)

    async def names(self, thread: bytes) -> dict[bytes, str]:
        """What those are called whose role alone does not say who they are, by chain; nobody signed names.

        A thread has one therapist, so they are not among them, and a client only where there are several.
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return ambiguous_names(desk)

    async def name(self, thread: bytes, chain: bytes, name: str) -> None:
        """What to call somebody of a thread. It stays on this device, and nobody else learns of it.

        await vale.name(thread, ben.chain, "Ben")
        """
        desk = self.desk(thread)
        async with desk.lock:
            desk.state.names[chain] = name
            self.profile.save_thread(desk.state)

    async def grant_history(self, thread: bytes, chain: bytes) -> int:
        """Let somebody read what was written before they came, as far as this device can; how many grants.

        NotConfirmed unless their digits were compared on this device, and all had agreed to the history.
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            await settle_epoch(desk, age=0)  # commit first, grant afterwards
            return await grant_history(desk, chain)


async def sign_and_settle(desk: ThreadDesk, core: bytes) -> bool:
    """Sign a consent and hand it in; when it is complete, begin the newcomer's epoch at once."""
    link = desk.link
    signature = sign_consent(core, link.keys.sign)
    body = SignConsent(B64(core), B64(signature))
    said = await link.transport.call(endpoints.sign_consent, body, thread=desk.thread)
    kept = desk.state.consents.setdefault(consent_hash(core), KeptConsent(core=core))
    kept.signatures[link.chain] = signature
    link.profile.save_thread(desk.state)
    if not said.complete:
        return False
    await desk.catch_up()
    await desk.look_at_people()
    await settle_epoch(desk, age=0)
    await reseal_own(desk)
    return True


def _newest(desk: ThreadDesk) -> CommitCore:
    newest = desk.log.epochs.newest
    if newest is None:
        raise NotInThread("this thread has no epoch yet")
    return newest.core
