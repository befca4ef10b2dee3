/** Offsets of one group for another: clones and corrections. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal } from '../../expect.js';
import { json } from '../../session.js';
import { join } from './support.js';

/** The offset stored for queue 0, or NaN. */
const stored = async (t: Context, group: string, topic: string): Promise<number> => (await t.queryOffset(group, topic, 0, { setZeroIfNotFound: false })).offset;

async function corrections(t: Context, topic: string, compareGroup: string, filterGroups?: string): Promise<Readonly<Record<string, number>>> {
  const answer = await t.request(req.QUERY_CORRECTION_OFFSET, { topic, compareGroup, ...(filterGroups === undefined ? {} : { filterGroups }) });
  code(answer, res.SUCCESS, 'correction offset');
  return (json(answer) as { readonly correctionOffsets: Readonly<Record<string, number>> }).correctionOffsets;
}

export const cases = defineCases('admin', [
  {
    name: 'admin.clone-offset.copied',
    requirement: 'CLONE_GROUP_OFFSET gives a group the offsets that another has of a topic.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#cloneOffset',
    async run(t) {
      const topic = await t.topic();
      const srcGroup = await t.group({ suffix: 'src' });
      const destGroup = await t.group({ suffix: 'dest' });
      await t.fill(topic, 5);
      code(await t.commitOffset(srcGroup, topic, 0, 3), res.SUCCESS, 'commit');
      code(await t.request(req.CLONE_GROUP_OFFSET, { srcGroup, destGroup, topic, offline: true }), res.SUCCESS, 'clone');
      equal(await stored(t, destGroup, topic), 3, 'offset of the second group');
    },
  },
  {
    name: 'admin.clone-offset.apart-afterwards',
    requirement: 'After CLONE_GROUP_OFFSET a commit of the one group does not move the other.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#cloneOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const srcGroup = await t.group({ suffix: 'src' });
      const destGroup = await t.group({ suffix: 'dest' });
      await t.fill(topic, 5);
      code(await t.commitOffset(srcGroup, topic, 0, 3), res.SUCCESS, 'commit');
      code(await t.request(req.CLONE_GROUP_OFFSET, { srcGroup, destGroup, topic, offline: true }), res.SUCCESS, 'clone');
      code(await t.commitOffset(srcGroup, topic, 0, 5), res.SUCCESS, 'commit of the first group');
      equal(await stored(t, destGroup, topic), 3, 'offset of the second group');
    },
  },
  {
    name: 'admin.clone-offset.no-offsets-succeeds',
    requirement: 'CLONE_GROUP_OFFSET of a group without offsets is answered SUCCESS and gives none.',
    level: 'SHOULD',
    source: 'ConsumerOffsetManager#cloneOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const destGroup = await t.group({ suffix: 'dest' });
      code(await t.request(req.CLONE_GROUP_OFFSET, { srcGroup: await t.group({ suffix: 'src' }), destGroup, topic, offline: true }), res.SUCCESS, 'clone');
      equal(await stored(t, destGroup, topic), NaN, 'offset of the second group');
    },
  },
  {
    name: 'admin.clone-offset.without-topic-copies-nothing',
    requirement: 'CLONE_GROUP_OFFSET without a topic is answered SUCCESS and copies nothing.',
    level: 'INFORMATIONAL',
    source: 'AdminBrokerProcessor#cloneGroupOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const srcGroup = await t.group({ suffix: 'src' });
      const destGroup = await t.group({ suffix: 'dest' });
      await t.fill(topic, 2);
      code(await t.commitOffset(srcGroup, topic, 0, 2), res.SUCCESS, 'commit');
      code(await t.request(req.CLONE_GROUP_OFFSET, { srcGroup, destGroup, offline: true }), res.SUCCESS, 'clone');
      equal(await stored(t, destGroup, topic), NaN, 'offset of the second group');
    },
  },
  {
    name: 'admin.clone-offset.not-subscribed-skipped',
    requirement: 'CLONE_GROUP_OFFSET with offline=false skips a topic that the online source group does not subscribe.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#cloneGroupOffset',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const srcGroup = await t.group({ suffix: 'src' });
      const destGroup = await t.group({ suffix: 'dest' });
      await t.fill(topic, 2);
      code(await t.commitOffset(srcGroup, topic, 0, 2), res.SUCCESS, 'commit');
      await join(t, srcGroup, [await t.topic({ suffix: 'other' })]);
      code(await t.request(req.CLONE_GROUP_OFFSET, { srcGroup, destGroup, topic, offline: false }), res.SUCCESS, 'clone');
      equal(await stored(t, destGroup, topic), NaN, 'offset of the second group');
    },
  },
  {
    name: 'admin.correction-offset.smallest-of-groups',
    requirement: 'QUERY_CORRECTION_OFFSET answers for each queue the smallest offset of all groups that have one.',
    level: 'MUST',
    source: 'ConsumerOffsetManager#queryMinOffsetInAllGroup',
    async run(t) {
      const topic = await t.topic();
      const one = await t.group({ suffix: 'one' });
      const two = await t.group({ suffix: 'two' });
      await t.fill(topic, 5);
      code(await t.commitOffset(one, topic, 0, 4), res.SUCCESS, 'commit of the first group');
      code(await t.commitOffset(two, topic, 0, 2), res.SUCCESS, 'commit of the second group');
      equal(await corrections(t, topic, await t.group({ suffix: 'three' })), { 0: 2 }, 'correctionOffsets');
    },
  },
  {
    name: 'admin.correction-offset.own-smallest',
    requirement: 'QUERY_CORRECTION_OFFSET answers the offset itself when that of the compared group is the smallest.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#queryCorrectionOffset',
    async run(t) {
      const topic = await t.topic();
      const one = await t.group({ suffix: 'one' });
      const two = await t.group({ suffix: 'two' });
      await t.fill(topic, 5);
      code(await t.commitOffset(one, topic, 0, 4), res.SUCCESS, 'commit of the first group');
      code(await t.commitOffset(two, topic, 0, 2), res.SUCCESS, 'commit of the second group');
      equal(await corrections(t, topic, two), { 0: 2 }, 'correctionOffsets');
    },
  },
  {
    name: 'admin.correction-offset.unknown-topic-empty',
    requirement: 'QUERY_CORRECTION_OFFSET of a topic without offsets answers an empty table.',
    level: 'SHOULD',
    source: 'ConsumerOffsetManager#queryMinOffsetInAllGroup',
    async run(t) {
      equal(await corrections(t, t.topicName(), t.groupName()), {}, 'correctionOffsets');
    },
  },
  {
    name: 'admin.correction-offset.filtered-group-loses-offsets',
    requirement: 'QUERY_CORRECTION_OFFSET leaves the filterGroups out of the result and removes their offsets from the broker.',
    level: 'INFORMATIONAL',
    source: 'ConsumerOffsetManager#queryMinOffsetInAllGroup',
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = await t.topic();
      const one = await t.group({ suffix: 'one' });
      const two = await t.group({ suffix: 'two' });
      await t.fill(topic, 5);
      code(await t.commitOffset(one, topic, 0, 4), res.SUCCESS, 'commit of the first group');
      code(await t.commitOffset(two, topic, 0, 2), res.SUCCESS, 'commit of the second group');
      equal(await corrections(t, topic, one, two), { 0: 4 }, 'correctionOffsets without the second group');
      equal(await stored(t, two, topic), NaN, 'offset of the second group afterwards');
    },
  },
]);
