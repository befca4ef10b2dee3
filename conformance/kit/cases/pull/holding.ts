/** PULL_MESSAGE with sysFlag bit 2: waiting at the broker. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, inRange } from '../../expect.js';
import { staysHeld, stateOf } from './support.js';

const bodies = (answer: { readonly messages: readonly { readonly body: Buffer }[] }): string[] => answer.messages.map((message) => message.body.toString());

export const cases = defineCases('pull', [
  {
    name: 'pull.hold-time-over',
    requirement: 'A held pull to which nothing comes is answered PULL_NOT_FOUND after its time, at most about five seconds late.',
    level: 'MUST',
    source: 'PullRequestHoldService#checkHoldRequest',
    timeoutMs: 20_000,
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1);
      await t.pullAll(topic, 1);
      const begun = t.now();
      const answer = await t.pull(topic, { offset: 1, suspendMs: 500, timeoutMs: 15_000 });
      code(answer, res.PULL_NOT_FOUND, 'the held pull');
      equal(answer.nextBeginOffset, 1, 'nextBeginOffset');
      inRange(t.now() - begun, 450, 10_000, 'milliseconds until the answer');
    },
  },
  {
    name: 'pull.no-hold-without-flag',
    requirement: 'A pull without sysFlag bit 2 is answered at once, whatever its suspendTimeoutMillis.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#handle, hasSuspendFlag',
    async run(t) {
      const begun = t.now();
      code(await t.pull(await t.topic(), { suspendMs: 4000, sysFlag: 4 }), res.PULL_NOT_FOUND, 'pull');
      inRange(t.now() - begun, 0, 2500, 'milliseconds until the answer');
    },
  },
  {
    name: 'pull.no-hold-when-none-matches',
    requirement: 'A pull that may wait but finds only messages its filter refuses is answered PULL_RETRY_IMMEDIATELY at once.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#handle, PULL_RETRY_IMMEDIATELY',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 1, { tags: 'TagA' });
      await t.pullAll(topic, 1);
      const begun = t.now();
      code(await t.pull(topic, { subscription: 'TagB', suspendMs: 4000 }), res.PULL_RETRY_IMMEDIATELY, 'pull');
      inRange(t.now() - begun, 0, 2500, 'milliseconds until the answer');
    },
  },
  {
    name: 'pull.no-hold-when-moved',
    requirement: 'A pull that may wait but asks past the end of the queue is answered PULL_OFFSET_MOVED at once.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#handle, PULL_OFFSET_MOVED',
    async run(t) {
      const begun = t.now();
      code(await t.pull(await t.topic(), { offset: 9, suspendMs: 4000 }), res.PULL_OFFSET_MOVED, 'pull');
      inRange(t.now() - begun, 0, 2500, 'milliseconds until the answer');
    },
  },
  {
    name: 'pull.hold-at-end-of-filled-queue',
    requirement: 'A pull held at the end of a queue that has messages is woken by the next one and returns just that.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving',
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const held = t.via(await t.connect('broker', { label: 'consumer' })).pull(topic, { offset: 2, suspendMs: 8000, group: await t.readerGroup() });
      equal(await stateOf(t, held), 'held', 'the pull before the message');
      await t.sendOk(topic, { body: 'third' });
      equal(bodies(await held), ['third'], 'bodies');
    },
  },
  {
    name: 'pull.hold-not-woken-by-other-tag',
    requirement: 'A held pull is not answered because of a message that its tags refuse, but when one comes that they let through.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving, isMatchedByConsumeQueue',
    timeoutMs: 20_000,
    async run(t) {
      const topic = await t.topic();
      const consumer = t.via(await t.connect('broker', { label: 'consumer' }));
      const group = await t.readerGroup();
      const { held, sent } = await staysHeld(t, (offset) => consumer.pull(topic, { subscription: 'TagA', offset, suspendMs: 8000, group }), () => t.sendOk(topic, { body: 'b', tags: 'TagB' }));
      await t.sendOk(topic, { body: 'a', tags: 'TagA' });
      const answer = await held;
      code(answer, res.SUCCESS, 'the held pull');
      equal([bodies(answer), answer.nextBeginOffset], [['a'], sent + 1], 'bodies and nextBeginOffset');
    },
  },
  {
    name: 'pull.hold-not-woken-by-other-queue',
    requirement: 'A pull held on one queue is not answered because of a message in another.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving, key topic@queueId',
    async run(t) {
      const topic = await t.topic();
      const held = t.via(await t.connect('broker', { label: 'consumer' })).pull(topic, { queueId: 1, suspendMs: 8000, group: await t.readerGroup() });
      await t.sleep(100);
      await t.sendOk(topic, { queueId: 2 });
      equal(await stateOf(t, held), 'held', 'the pull of queue 1 after a message in queue 2');
      await t.sendOk(topic, { body: 'mine', queueId: 1 });
      equal(bodies(await held), ['mine'], 'bodies');
    },
  },
  {
    name: 'pull.hold-several-on-one-connection',
    requirement: 'Several pulls are held on one connection at a time, and each is answered with its own opaque when its queue gets a message.',
    level: 'MUST',
    source: 'PullRequestHoldService#suspendPullRequest',
    async run(t) {
      const topic = await t.topic();
      const group = await t.readerGroup();
      const consumer = t.via(await t.connect('broker', { label: 'consumer' }));
      const held = [0, 1, 2, 3].map((queueId) => consumer.pull(topic, { queueId, suspendMs: 8000, group }));
      await t.sleep(200);
      for (const queueId of [3, 1, 0, 2]) await t.sendOk(topic, { body: `queue ${queueId}`, queueId });
      equal((await Promise.all(held)).flatMap(bodies), ['queue 0', 'queue 1', 'queue 2', 'queue 3'], 'bodies, by pull');
    },
  },
  {
    name: 'pull.hold-of-two-groups',
    requirement: 'One message wakes the held pulls of all groups that wait at its queue.',
    level: 'MUST',
    source: 'PullRequestHoldService#notifyMessageArriving',
    async run(t) {
      const topic = await t.topic();
      const groups = [await t.group({ suffix: 'g1' }), await t.group({ suffix: 'g2' })];
      const consumer = t.via(await t.connect('broker', { label: 'consumer' }));
      const held = groups.map((group) => consumer.pull(topic, { suspendMs: 8000, group }));
      await t.sleep(200);
      await t.sendOk(topic, { body: 'for all' });
      equal((await Promise.all(held)).map(bodies), [['for all'], ['for all']], 'bodies, by group');
    },
  },
  {
    name: 'pull.hold-leaves-connection-free',
    requirement: 'While a pull is held, other requests on its connection are answered.',
    level: 'MUST',
    source: 'DefaultPullMessageResultHandler#handle',
    async run(t) {
      const topic = await t.topic();
      const consumer = t.via(await t.connect('broker', { label: 'consumer' }));
      const held = consumer.pull(topic, { suspendMs: 8000, group: await t.readerGroup() });
      code(await consumer.maxOffset(topic), res.SUCCESS, 'GET_MAX_OFFSET behind the held pull');
      code(await consumer.send(topic, { body: 'from the same connection' }), res.SUCCESS, 'send behind the held pull');
      equal(bodies(await held), ['from the same connection'], 'bodies');
    },
  },
  {
    name: 'pull.hold-woken-by-batch',
    requirement: 'A batch wakes a held pull.',
    level: 'MUST',
    source: 'DefaultMessageStore.ReputMessageService#doReput',
    needs: ['batch'],
    async run(t) {
      const topic = await t.topic();
      const held = t.via(await t.connect('broker', { label: 'consumer' })).pull(topic, { suspendMs: 8000, group: await t.readerGroup() });
      await t.sleep(100);
      code(await t.sendBatch(topic, [{ body: 'one' }, { body: 'two' }]), res.SUCCESS, 'batch');
      const answer = await held;
      code(answer, res.SUCCESS, 'the held pull');
      equal(bodies(answer)[0], 'one', 'the first body');
    },
  },
  {
    name: 'pull.hold-of-closed-connection',
    requirement: 'A held pull whose connection ends takes nothing away: the message that would have woken it is there for the next pull of the group.',
    level: 'MUST',
    source: 'PullMessageProcessor#executeRequestWhenWakeup',
    async run(t) {
      const topic = await t.topic();
      const group = await t.readerGroup();
      const gone = await t.connect('broker', { label: 'consumer that goes' });
      t.via(gone).pull(topic, { suspendMs: 8000, group }).catch(() => undefined);
      await t.sleep(100);
      gone.reset();
      const stays = t.via(await t.connect('broker', { label: 'consumer that stays' })).pull(topic, { suspendMs: 8000, group });
      await t.sleep(100);
      await t.sendOk(topic, { body: 'kept' });
      equal(bodies(await stays), ['kept'], 'bodies for the one that stays');
      equal(bodies(await t.pull(topic)), ['kept'], 'bodies for a later pull');
    },
  },
  {
    name: 'pull.hold-commits-at-once',
    requirement: 'The offset that a pull commits is stored when the pull begins to wait, not when it is answered.',
    level: 'MUST',
    source: 'PullMessageProcessor#tryCommitOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const held = t.via(await t.connect('broker', { label: 'consumer' })).pull(topic, { offset: 2, commitOffset: 2, suspendMs: 8000, group });
      await t.until('the offset is committed while the pull waits', async () => (await t.queryOffset(group, topic)).offset === 2, 3000);
      equal(await stateOf(t, held, 50), 'held', 'the pull');
      await t.sendOk(topic);
      await held;
    },
  },
  {
    name: 'pull.hold-does-not-commit-again',
    requirement: 'Waking a held pull does not commit its offset a second time over a newer one.',
    level: 'MUST',
    source: 'PullMessageProcessor#tryCommitOffset, brokerAllowSuspend',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 2);
      await t.pullAll(topic, 2);
      const held = t.via(await t.connect('broker', { label: 'consumer' })).pull(topic, { offset: 2, commitOffset: 1, suspendMs: 8000, group });
      await t.until('the offset is committed while the pull waits', async () => (await t.queryOffset(group, topic)).offset === 1, 3000);
      code(await t.commitOffset(group, topic, 0, 2), res.SUCCESS, 'commit of 2');
      await t.sendOk(topic);
      code(await held, res.SUCCESS, 'the held pull');
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset after the pull was woken');
    },
  },
  {
    name: 'pull.commit-flag-stores',
    requirement: 'A pull with sysFlag bit 1 commits its commitOffset, whatever it finds.',
    level: 'MUST',
    source: 'PullMessageProcessor#tryCommitOffset',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      code(await t.pull(topic, { group, commitOffset: 2 }), res.SUCCESS, 'pull that finds');
      equal((await t.queryOffset(group, topic)).offset, 2, 'offset after a pull that found messages');
      code(await t.pull(topic, { group, offset: 99, commitOffset: 3 }), res.PULL_OFFSET_MOVED, 'pull past the end');
      equal((await t.queryOffset(group, topic)).offset, 3, 'offset after a pull past the end');
    },
  },
  {
    name: 'pull.commit-flag-needed',
    requirement: 'Without sysFlag bit 1 the commitOffset of a pull is ignored.',
    level: 'MUST',
    source: 'PullMessageProcessor#tryCommitOffset, hasCommitOffsetFlag',
    async run(t) {
      const topic = await t.topic();
      const group = await t.group();
      await t.fill(topic, 3);
      await t.pullAll(topic, 3);
      code(await t.commitOffset(group, topic, 0, 1), res.SUCCESS, 'commit of 1');
      code(await t.pull(topic, { group, sysFlag: 4, commitOffset: 3 }), res.SUCCESS, 'pull');
      equal((await t.queryOffset(group, topic)).offset, 1, 'offset');
    },
  },
]);
