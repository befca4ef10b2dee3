/** config/*.json: what a broker keeps of topics, groups and delivered delay levels. JSON as Apache writes it: bare numbers as names are read. */
import { equal, Failure } from '../../expect.js';
import { fieldsOf, type Fields, type StoreFiles } from '../../store/store-files.js';
import { none, storeCases } from './support.js';

const int = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value);
const bool = (value: unknown): boolean => typeof value === 'boolean';
const text = (value: unknown): boolean => typeof value === 'string';

/** Says which members of an object are not of the right type. */
function wrongMembers(what: string, value: unknown, types: Readonly<Record<string, (value: unknown) => boolean>>): string | undefined {
  const fields = fieldsOf(value);
  const wrong = Object.entries(types).filter(([name, is]) => !is(fields[name])).map(([name]) => `${name} ${JSON.stringify(fields[name]) ?? '(missing)'}`);
  return wrong.length === 0 ? undefined : `${what}: ${wrong.join(', ')}`;
}

function wrongVersion(file: Fields): string | undefined {
  return wrongMembers('dataVersion', file['dataVersion'], { counter: int, stateVersion: int, timestamp: int });
}

const topicMembers = { topicName: text, readQueueNums: int, writeQueueNums: int, perm: int, order: bool, topicFilterType: text, topicSysFlag: int };
const groupMembers = { groupName: text, consumeEnable: bool, consumeFromMinEnable: bool, consumeBroadcastEnable: bool, retryQueueNums: int, retryMaxTimes: int, brokerId: int, whichBrokerWhenConsumeSlowly: int, notifyConsumerIdsChangedEnable: bool };

const topics = (store: StoreFiles): Fields => fieldsOf(store.config('topics.json')['topicConfigTable']);
const groups = (store: StoreFiles): Fields => fieldsOf(store.config('subscriptionGroup.json')['subscriptionGroupTable']);

export const cases = storeCases([
  {
    name: 'store.config.topics', level: 'MUST', source: 'TopicConfigManager#encode',
    requirement: 'The file topics.json has topicConfigTable: by name, each topic with its numbers of queues, perm, order, filter type and sysFlag.',
    judge(store) {
      const table = topics(store);
      store.some(Object.keys(table), 'topic in topics.json');
      none(Object.entries(table).map(([name, topic]) => wrongMembers(name, topic, topicMembers) ?? (fieldsOf(topic)['topicName'] === name ? undefined : `${name} says topicName ${String(fieldsOf(topic)['topicName'])}`)), 'topics in topics.json');
    },
  },
  {
    name: 'store.config.topic-as-created', level: 'MUST', source: 'TopicConfigManager#updateTopicConfig', needs: ['wire'],
    requirement: 'A topic that was created is in topics.json with what was asked for.',
    write: async (t) => [await t.topic({ readQueues: 5, writeQueues: 3, perm: 4 })],
    judge(store) {
      const [name] = store.topics ?? [];
      const topic = fieldsOf(topics(store)[name ?? '']);
      equal([topic['readQueueNums'], topic['writeQueueNums'], topic['perm'], topic['topicFilterType']], [5, 3, 4, 'SINGLE_TAG'], 'read queues, write queues, perm, filter type');
    },
  },
  {
    name: 'store.config.topic-attributes', level: 'MUST', source: 'TopicConfigManager#updateTopicConfig', needs: ['wire'], versions: { from: '5.0.0' },
    requirement: 'Attributes of a topic are kept by their names, without the sign that sets them.',
    write: async (t) => [await t.topic({ attributes: { 'message.type': 'FIFO' } })],
    judge(store) {
      const [name] = store.topics ?? [];
      equal(fieldsOf(fieldsOf(topics(store)[name ?? ''])['attributes'])['message.type'], 'FIFO', 'attribute message.type');
    },
  },
  {
    name: 'store.config.system-topics', level: 'MUST', source: 'TopicConfigManager#init',
    requirement: 'The topics that every broker has are in topics.json, SCHEDULE_TOPIC_XXXX with 18 queues.',
    judge(store) {
      const table = topics(store);
      none(['SELF_TEST_TOPIC', 'SCHEDULE_TOPIC_XXXX', 'BenchmarkTest', 'OFFSET_MOVED_EVENT'].map((name) => (table[name] === undefined ? `${name} is missing` : undefined)), 'system topics');
      equal(fieldsOf(table['SCHEDULE_TOPIC_XXXX'])['writeQueueNums'], 18, 'queues of SCHEDULE_TOPIC_XXXX');
    },
  },
  {
    name: 'store.config.topics-version', level: 'MUST', source: 'TopicConfigManager#encode', versions: { from: '5.0.0' },
    requirement: 'The file topics.json has its dataVersion: counter, stateVersion and timestamp as numbers.',
    judge(store) {
      none([wrongVersion(store.config('topics.json'))], 'dataVersion of topics.json');
    },
  },
  {
    name: 'store.config.groups', level: 'MUST', source: 'SubscriptionGroupManager#encode', versions: { from: '5.0.0' },
    requirement: 'The file subscriptionGroup.json has subscriptionGroupTable: by name, each group with its switches, retries and brokers.',
    write: async (t) => {
      await t.group();
      return [];
    },
    judge(store) {
      const table = groups(store);
      store.some(Object.keys(table), 'group in subscriptionGroup.json');
      none(Object.entries(table).map(([name, group]) => wrongMembers(name, group, groupMembers) ?? (fieldsOf(group)['groupName'] === name ? undefined : `${name} says groupName ${String(fieldsOf(group)['groupName'])}`)), 'groups');
      none([wrongVersion(store.config('subscriptionGroup.json'))], 'dataVersion of subscriptionGroup.json');
    },
  },
  {
    name: 'store.config.group-as-created', level: 'MUST', source: 'SubscriptionGroupManager#updateSubscriptionGroupConfig', needs: ['wire'],
    requirement: 'A group that was created is in subscriptionGroup.json with what was asked for.',
    write: async (t) => [await t.group({ retryMaxTimes: 7, consumeBroadcastEnable: false, retryQueueNums: 2 })],
    judge(store) {
      const [name] = store.topics ?? [];
      const group = fieldsOf(groups(store)[name ?? '']);
      equal([group['retryMaxTimes'], group['consumeBroadcastEnable'], group['retryQueueNums']], [7, false, 2], 'retryMaxTimes, consumeBroadcastEnable, retryQueueNums');
    },
  },
  {
    settleMs: 20_000, name: 'store.config.delay-offsets', level: 'MUST', source: 'ScheduleMessageService#encode', asks: ['delay-level'],
    requirement: 'The file delayOffset.json has offsetTable: by level, how far its queue is delivered.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'a second later', properties: { DELAY: '1' } });
      await t.pullAll(topic, 1, { waitMs: 8000 });
      return [topic];
    },
    judge(store) {
      const table = fieldsOf(store.config('delayOffset.json')['offsetTable']);
      store.some(Object.keys(table), 'level in delayOffset.json');
      none(Object.entries(table).map(([level, offset]) => (/^(?:[1-9]|1[0-8])$/.test(level) && int(offset) && Number(offset) >= 0 ? undefined : `level ${level}: ${String(offset)}`)), 'levels and offsets');
      if (store.live && !(Number(table['1']) >= 1)) throw new Failure('offset of level 1 after a delivery', 'at least 1', String(table['1']));
    },
  },
  {
    name: 'store.config.backup', level: 'SHOULD', source: 'ConfigManager#persist',
    requirement: 'Before a file is written anew its former text is kept as .bak, which reads like it.',
    write: async (t) => [await t.topic({ queues: 1 }), await t.topic({ queues: 1, suffix: 'second' })],
    judge(store) {
      const table = fieldsOf(store.config('topics.json.bak')['topicConfigTable']);
      store.some(Object.keys(table), 'topic in topics.json.bak');
      none(Object.entries(table).map(([name, topic]) => wrongMembers(name, topic, topicMembers)), 'topics in topics.json.bak');
    },
  },
  {
    // Apache writes this file every ten seconds, whatever happens (`BrokerController#initializeBrokerScheduledTasks`).
    settleMs: 35_000, timeoutMs: 50_000,
    name: 'store.config.order-info', level: 'MUST', source: 'ConsumerOrderInfoManager#encode', versions: { from: '5.0.0' }, asks: ['pop-order'],
    requirement: 'The file consumerOrderInfo.json has table: by TOPIC@GROUP and queue, what an orderly POP has out.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      const group = await t.group({ consumeMessageOrderly: true });
      await t.fill(topic, 2);
      const popped = await t.pop(topic, group, { max: 2, invisibleMs: 300_000, ext: { order: true } });
      equal(popped.messages.map((message) => message.queueOffset), [0, 1], 'messages that an orderly pop takes out');
      return [`${topic}@${group}`];
    },
    judge(store) {
      const table = fieldsOf(store.config('consumerOrderInfo.json')['table']);
      store.some(Object.keys(table), 'entry in consumerOrderInfo.json');
      none(Object.entries(table).map(([key, queues]) => (/^[^@]+@[^@]+$/.test(key) && Object.keys(fieldsOf(queues)).every((queue) => /^\d+$/.test(queue)) ? undefined : key)), 'names in the table');
      for (const key of store.topics ?? []) equal(fieldsOf(fieldsOf(table[key])['0'])['o'], [0, 1], `offsets that are out of queue 0 of ${key}: the first, and how far the others are behind it`);
    },
  },
]);
