/** Attributes of topics: adding, changing and deleting them, and each way of asking wrongly. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, remarkMatches } from '../../expect.js';
import { allTopics, configOf, create, update } from './support.js';

const since = { from: '5.0.0' };

const attributesOf = async (t: Context, topic: string): Promise<Readonly<Record<string, string>> | undefined> => (await configOf(t, topic)).attributes;

/** A creation with these attributes is refused as SYSTEM_ERROR with this remark, and no topic is there. */
async function refusedAtCreation(t: Context, attributes: string, remark: string, expected: number = res.SYSTEM_ERROR): Promise<void> {
  const topic = t.topicName();
  const answer = await create(t, topic, { attributes });
  code(answer, expected, `create with ${attributes}`);
  remarkMatches(answer, remark, `create with ${attributes}`);
  equal((await allTopics(t))[topic], undefined, 'the topic');
}

/** An update with these attributes is refused as SYSTEM_ERROR with this remark, and the attributes are as they were. */
async function refusedAtUpdate(t: Context, attributes: string, remark: string): Promise<void> {
  const topic = await t.topic({ attributes: { 'message.type': 'FIFO' } });
  const answer = await update(t, topic, { attributes });
  code(answer, res.SYSTEM_ERROR, `update with ${attributes}`);
  remarkMatches(answer, remark, `update with ${attributes}`);
  equal(await attributesOf(t, topic), { 'message.type': 'FIFO' }, 'attributes after the refusal');
}

export const cases = defineCases('topics', [
  {
    name: 'topics.attributes.set-at-creation',
    requirement: 'A topic created with +name=value has the attribute, its name without the sign.',
    level: 'MUST',
    source: 'AttributeUtil#alterCurrentAttributes',
    needs: ['admin'],
    versions: since,
    async run(t) {
      const topic = t.topicName();
      code(await create(t, topic, { attributes: '+message.type=TRANSACTION' }), res.SUCCESS, 'create');
      equal(await attributesOf(t, topic), { 'message.type': 'TRANSACTION' }, 'attributes');
    },
  },
  {
    name: 'topics.attributes.several-at-creation',
    requirement: 'Several attributes are separated by commas.',
    level: 'MUST',
    source: 'AttributeParser#parseToMap',
    needs: ['admin'],
    versions: since,
    async run(t) {
      const topic = t.topicName();
      code(await create(t, topic, { attributes: '+message.type=DELAY,+cleanup.policy=DELETE,+queue.type=SimpleCQ' }), res.SUCCESS, 'create');
      equal(await attributesOf(t, topic), { 'message.type': 'DELAY', 'cleanup.policy': 'DELETE', 'queue.type': 'SimpleCQ' }, 'attributes');
    },
  },
  {
    name: 'topics.attributes.none-by-default',
    requirement: 'A topic created without attributes has none.',
    level: 'SHOULD',
    source: 'TopicConfig#getAttributes',
    versions: since,
    async run(t) {
      equal(await attributesOf(t, await t.topic()), {}, 'attributes');
    },
  },
  {
    name: 'topics.attributes.added-by-update',
    requirement: 'An update adds an attribute that the topic did not have.',
    level: 'MUST',
    source: 'AttributeUtil#alterCurrentAttributes',
    versions: since,
    async run(t) {
      const topic = await t.topic();
      code(await update(t, topic, { attributes: '+message.type=FIFO' }), res.SUCCESS, 'update');
      equal(await attributesOf(t, topic), { 'message.type': 'FIFO' }, 'attributes');
    },
  },
  {
    name: 'topics.attributes.changed-by-update',
    requirement: 'An update with + changes the value of an attribute that the topic has.',
    level: 'MUST',
    source: 'AttributeUtil#alterCurrentAttributes',
    versions: since,
    async run(t) {
      const topic = await t.topic({ attributes: { 'message.type': 'FIFO' } });
      code(await update(t, topic, { attributes: '+message.type=NORMAL' }), res.SUCCESS, 'update');
      equal(await attributesOf(t, topic), { 'message.type': 'NORMAL' }, 'attributes');
    },
  },
  {
    name: 'topics.attributes.deleted-by-update',
    requirement: 'An update with -name deletes the attribute.',
    level: 'MUST',
    source: 'AttributeUtil#alterCurrentAttributes',
    versions: since,
    async run(t) {
      const topic = await t.topic({ attributes: { 'message.type': 'FIFO' } });
      code(await update(t, topic, { attributes: '-message.type' }), res.SUCCESS, 'update');
      equal(await attributesOf(t, topic), {}, 'attributes');
    },
  },
  {
    name: 'topics.attributes.kept-by-other-update',
    requirement: 'An update without attributes leaves those of the topic as they are.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    versions: since,
    async run(t) {
      const topic = await t.topic({ attributes: { 'message.type': 'FIFO' } });
      code(await update(t, topic, { readQueueNums: 8, writeQueueNums: 8 }), res.SUCCESS, 'update');
      const { attributes, readQueueNums } = await configOf(t, topic);
      equal([attributes, readQueueNums], [{ 'message.type': 'FIFO' }, 8], 'attributes and read queues');
    },
  },
  {
    name: 'topics.attributes.unknown-name-refused',
    requirement: 'An attribute with a name that is not known is SYSTEM_ERROR `unsupported key`.',
    level: 'MUST',
    source: 'AttributeUtil#validateAlter',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, '+colour=red', 'unsupported key: colour');
    },
  },
  {
    name: 'topics.attributes.bad-value-refused',
    requirement: 'A message.type that is not one of the known types is SYSTEM_ERROR and creates no topic.',
    level: 'MUST',
    source: 'EnumAttribute#verify',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, '+message.type=PIGEON', 'value is not in set');
    },
  },
  {
    name: 'topics.attributes.sign-missing-refused',
    requirement: 'An attribute name=value without + is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'AttributeParser#parseToMap',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, 'message.type=FIFO', 'add/alter attribute format is wrong: message.type');
    },
  },
  {
    name: 'topics.attributes.neither-value-nor-minus-refused',
    requirement: 'An attribute with neither a value nor - is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'AttributeParser#parseToMap',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, 'message.type', 'delete attribute format is wrong: message.type');
    },
  },
  {
    name: 'topics.attributes.twice-refused',
    requirement: 'The same attribute twice in one request is SYSTEM_ERROR.',
    level: 'SHOULD',
    source: 'AttributeParser#parseToMap',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, '+message.type=FIFO,+message.type=DELAY', 'key duplication: +message.type');
    },
  },
  {
    name: 'topics.attributes.delete-at-creation-refused',
    requirement: 'A creation that deletes an attribute is SYSTEM_ERROR.',
    level: 'SHOULD',
    source: 'AttributeUtil#alterCurrentAttributes',
    needs: ['admin'],
    versions: since,
    async run(t) {
      await refusedAtCreation(t, '-message.type', 'only add attribute is supported while creating topic. key: message.type');
    },
  },
  {
    name: 'topics.attributes.mixed-refused',
    requirement: 'The message.type MIXED is INVALID_PARAMETER unless enableMixedMessageType is on.',
    level: 'SHOULD',
    source: 'BrokerConfig#enableMixedMessageType',
    needs: ['admin'],
    versions: { from: '5.1.0' },
    async run(t) {
      await refusedAtCreation(t, '+message.type=MIXED', 'MIXED message type is not supported.', res.INVALID_PARAMETER);
    },
  },
  {
    name: 'topics.attributes.delete-absent-refused',
    requirement: 'An update that deletes an attribute the topic does not have is SYSTEM_ERROR and changes nothing.',
    level: 'MUST',
    source: 'AttributeUtil#alterCurrentAttributes',
    versions: since,
    async run(t) {
      await refusedAtUpdate(t, '-queue.type', 'attempt to delete a nonexistent key: queue.type');
    },
  },
  {
    name: 'topics.attributes.unchangeable-refused',
    requirement: 'The queue.type of a topic that is there cannot be changed.',
    level: 'MUST',
    source: 'TopicAttributes#QUEUE_TYPE_ATTRIBUTE, AttributeUtil#validateAlter',
    versions: since,
    async run(t) {
      await refusedAtUpdate(t, '+queue.type=BatchCQ', 'attempt to update an unchangeable attribute. key: queue.type');
    },
  },
  {
    name: 'topics.attributes.set-and-delete-refused',
    requirement: 'An update that sets and deletes the same attribute is SYSTEM_ERROR.',
    level: 'SHOULD',
    source: 'AttributeUtil#duplicationCheck',
    versions: since,
    async run(t) {
      await refusedAtUpdate(t, '+message.type=DELAY,-message.type', 'alter duplication key. key: message.type');
    },
  },
  {
    name: 'topics.attributes.refused-update-changes-no-queues',
    requirement: 'An update refused for its attributes leaves the queues of the topic as they are.',
    level: 'MUST',
    source: 'TopicConfigManager#updateTopicConfig',
    versions: since,
    async run(t) {
      const topic = await t.topic({ queues: 2 });
      code(await update(t, topic, { readQueueNums: 9, writeQueueNums: 9, attributes: '+colour=red' }), res.SYSTEM_ERROR, 'update');
      equal((await configOf(t, topic)).readQueueNums, 2, 'read queues');
    },
  },
]);
