import { describe, expect, test } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import * as all from './bodies.js';
import { Refusal } from './errors.js';
import { bool } from './json-shape.js';
import type { Body } from './json-shape.js';
import { decodeRegisterBrokerBody, encodeCompressedRegisterBrokerBody, parseTopicText, topicText } from './register-broker-body.js';
import { bodies } from './testdata/wire.js';

type Again = (text: string) => string;

/** Reads a text and writes it again. */
function again<T>(shape: Body<T>): Again {
  return (text) => shape.encode(shape.decode(text)).toString();
}

const golden = (name: string): string => bodies.golden[name] as string;

describe('Apache\'s bytes are read and written back', () => {
  test.each<[string, Again]>([
    ['HeartbeatData', again(all.heartbeatData)], ['TopicRouteData.encode', again(all.topicRouteData)], ['ClusterInfo', again(all.clusterInfo)],
    ['RegisterBrokerBody.json', again(all.registerBrokerBody)], ['LockBatchRequestBody', again(all.lockBatchRequestBody)],
    ['TopicStatsTable', again(all.topicStatsTable)], ['ConsumeStats', again(all.consumeStats)], ['ResetOffsetBody', again(all.resetOffsetBody)],
    ['ConsumerConnection', again(all.consumerConnection)], ['SubscriptionGroupConfig', again(all.subscriptionGroupConfig)], ['DataVersion', again(all.dataVersion)],
    ['file.consumerOffset.json(compact)', again(all.consumerOffsetFile)], ['file.delayOffset.json', again(all.delayOffsetFile)],
    ['file.topics.json', again(all.topicConfigSerializeWrapper)], ['file.subscriptionGroup.json', again(all.subscriptionGroupWrapper)],
    ['file.kvConfig.json', again(all.kvConfigFile)], ['KVTable', again(all.kvTable)], ['GetBrokerMemberGroupResponseBody', again(all.getBrokerMemberGroupResponseBody)],
  ])('%s', (name, written) => {
    expect(written(golden(name))).toBe(golden(name));
  });

  test('a config file in pretty form', () => {
    const text = golden('file.consumerOffset.json(pretty)');
    expect(all.consumerOffsetFile.encodePretty(all.consumerOffsetFile.decode(text))).toBe(text);
  });

  const live: Readonly<Record<string, Again>> = {
    GET_ROUTEINFO_BY_TOPIC: again(all.topicRouteData), GET_BROKER_CLUSTER_INFO: again(all.clusterInfo), GET_CONSUMER_LIST_BY_GROUP: again(all.getConsumerListByGroupResponseBody),
    GET_ALL_TOPIC_LIST_FROM_NAMESERVER: again(all.topicList), GET_TOPIC_CONFIG: again(all.topicConfig), GET_SUBSCRIPTIONGROUP_CONFIG: again(all.subscriptionGroupConfig),
    GET_TOPIC_STATS_INFO: again(all.topicStatsTable), GET_CONSUME_STATS: again(all.consumeStats), GET_CONSUMER_CONNECTION_LIST: again(all.consumerConnection),
    GET_PRODUCER_CONNECTION_LIST: again(all.producerConnection), INVOKE_BROKER_TO_RESET_OFFSET: again(all.resetOffsetBody), LOCK_BATCH_MQ: again(all.lockBatchResponseBody),
    QUERY_TOPIC_CONSUME_BY_WHO: again(all.groupList), VIEW_BROKER_STATS_DATA: again(all.brokerStatsData), REGISTER_BROKER: again(all.kvTable), QUERY_DATA_VERSION: again(all.dataVersion),
  };
  test('recorded answers of a broker and a name server', () => {
    let count = 0;
    for (const [name, text] of Object.entries(bodies.live)) {
      const [kind, code] = name.split('.') as [string, string];
      const written = kind === 'response' ? live[code] : undefined;
      if (written === undefined) continue;
      const standard = code === 'GET_ROUTEINFO_BY_TOPIC' && text.includes('{"0":');
      expect(standard ? all.encodeTopicRouteData(all.topicRouteData.decode(text), 513).toString() : written(text)).toBe(text);
      count++;
    }
    expect(count).toBeGreaterThan(20);
  });

  test('the two dialects of a route', () => {
    const route = all.topicRouteData.decode(golden('TopicRouteData.encode'));
    expect(all.encodeTopicRouteData(route, 317).toString()).toBe(golden('TopicRouteData.encode'));
    expect(all.encodeTopicRouteData(route, 400).toString()).toBe(golden('TopicRouteData.encode'));
    expect(all.encodeTopicRouteData(route, 401).toString()).toBe(golden('TopicRouteData.standardJson'));
    expect(all.encodeTopicRouteData(route, 317, true).toString()).toBe(golden('TopicRouteData.standardJson'));
  });
});

describe('a route in standard JSON, as `TopicRouteData#encode(BrowserCompatible, MapSortField)` of 5.5.0 writes it', () => {
  const route = (over: Partial<all.TopicRouteData>): all.TopicRouteData => ({
    brokerDatas: [], filterServerTable: new Map(), orderTopicConf: undefined, queueDatas: [], topicQueueMappingByBroker: undefined, ...over,
  });
  test('keys that are objects, or their text in quotes', () => {
    const queue = { topic: 'T', brokerName: 'b', queueId: 1 };
    const value = '{"brokerOffset":9,"consumerOffset":5,"lastTimestamp":1,"pullOffset":3}';
    const plain = all.consumeStats.decode(`{"consumeTps":0.0,"offsetTable":{${JSON.stringify(queue)}:${value}}}`);
    const quoted = all.consumeStats.decode(`{"consumeTps":0.0,"offsetTable":{${JSON.stringify(JSON.stringify(queue))}:${value}}}`);
    expect(plain.offsetTable).toEqual([[queue, { brokerOffset: 9, consumerOffset: 5, lastTimestamp: 1, pullOffset: 3 }]]);
    expect(quoted).toEqual(plain);
    expect(() => all.consumeStats.decode(`{"offsetTable":{"no object":${value}}}`)).toThrow(Refusal);
  });

  test('maps are sorted: numbers by size, text by its units', () => {
    const brokerAddrs = new Map([2, 10, 0, 100, 17, -3].map((id) => [id, 'x']));
    const filterServerTable = new Map(['b', 'a', '10.0.0.2:1', '10.0.0.10:1', 'B'].map((addr) => [addr, []]));
    const brokerDatas = [{ brokerAddrs, brokerName: 'b', cluster: 'c', enableActingMaster: false }];
    expect(all.encodeTopicRouteData(route({ brokerDatas, filterServerTable }), 513).toString()).toBe(
      '{"brokerDatas":[{"brokerAddrs":{"-3":"x","0":"x","2":"x","10":"x","17":"x","100":"x"},"brokerName":"b","cluster":"c","enableActingMaster":false}],'
      + '"filterServerTable":{"10.0.0.10:1":[],"10.0.0.2:1":[],"B":[],"a":[],"b":[]},"queueDatas":[]}');
  });
  test('text stays UTF-8, nothing is escaped for browsers', () => {
    const bytes = all.encodeTopicRouteData(route({ orderTopicConf: 'k<>&\'\u00e9\u4e2d\u2028\ud83d\ude00\x7f/()\ud800x' }), 513);
    expect(bytes.toString('latin1')).toBe(
      '{"brokerDatas":[],"filterServerTable":{},"orderTopicConf":"k<>&\'\xc3\xa9\xe4\xb8\xad\xe2\x80\xa8\xf0\x9f\x98\x80\x7f/()?x","queueDatas":[]}');
  });
});

describe('requests of every client', () => {
  test('heartbeats', () => {
    for (const [name, text] of Object.entries(bodies.live)) if (name.startsWith('request.HEART_BEAT.')) expect(all.heartbeatData.decode(text).clientID).not.toBe('');
  });
  test('the Go client: nanoseconds as subVersion, codes as texts', () => {
    const subscription = { topic: 'T', subString: 'a', tagsSet: ['a'], codeSet: ['97'], subVersion: '@' };
    const body = JSON.stringify({ clientID: 'c', consumerDataSet: [{ groupName: 'g', subscriptionDataSet: [subscription] }], producerDataSet: null }).replace('"@"', '1795360765665615054');
    const read = all.heartbeatData.decode(body);
    expect(read.consumerDataSet[0]?.subscriptionDataSet[0]).toMatchObject({ codeSet: [97], subVersion: 1795360765665615054n, expressionType: 'TAG' });
    expect(all.heartbeatData.encode(read).toString()).toContain('"subVersion":1795360765665615054,');
  });
  test('locks', () => {
    expect(all.lockBatchRequestBody.decode(bodies.live['request.LOCK_BATCH_MQ.go-remoting-2.1.2'] as string).onlyThisBroker).toBe(false);
    expect(all.checkClientRequestBody.decode(bodies.live['request.CHECK_CLIENT_CONFIG.java-remoting-5.5.0'] as string).subscriptionData?.expressionType).toBe('SQL92');
  });
});

describe('refusals name body, member and type', () => {
  test.each([
    ['', /HeartbeatData: the body is empty/], ['{', /HeartbeatData is not readable JSON: .* at position 1/], ['[]', /HeartbeatData must be an object, not a list/],
    ['{"consumerDataSet":[]}', /HeartbeatData\.clientID is missing/], ['{"clientID":[]}', /HeartbeatData\.clientID must be text, not a list/],
    ['{"clientID":"c","heartbeatFingerprint":2147483648}', /heartbeatFingerprint must be an integer -2147483648\.\.2147483647, not 2147483648/],
    ['{"clientID":"c","consumerDataSet":[{"groupName":"g","messageModel":"X"}]}', /HeartbeatData\.consumerDataSet\[0\]\.messageModel must be one of BROADCASTING, CLUSTERING, LITE_SELECTIVE, not "X"/],
    ['{"clientID":"c","producerDataSet":[{}]}', /producerDataSet\[0\]\.groupName is missing/],
  ])('%s', (text, message) => {
    expect(() => all.heartbeatData.decode(text)).toThrow(message);
    expect(() => all.heartbeatData.decode(text)).toThrow(Refusal);
  });
  test('damaged bodies raise Refusal only', () => {
    const text = Buffer.from(bodies.live['request.HEART_BEAT.go-remoting-2.1.2'] as string);
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(text.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }), (edits) => {
      const damaged = Buffer.from(text);
      for (const [at, byte] of edits) damaged[at] = byte;
      try {
        all.heartbeatData.decode(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }), { numRuns: 500 });
  });
});

describe('registrations', () => {
  const compressed = Buffer.from(golden('RegisterBrokerBody.compressed'), 'hex');
  const inflated = Buffer.from(golden('RegisterBrokerBody.inflated'), 'hex');

  test('the compressed form', () => {
    const read = decodeRegisterBrokerBody(compressed, true, 513);
    expect(read.topicConfigSerializeWrapper.dataVersion).toEqual({ counter: 3, stateVersion: 0, timestamp: 1700000000000 });
    expect(read.topicConfigSerializeWrapper.topicConfigTable.get('T')).toMatchObject({ topicName: 'T', perm: 6, attributes: new Map([['message.type', 'FIFO']]) });
    expect(decodeRegisterBrokerBody(encodeCompressedRegisterBrokerBody(read), true, 513)).toEqual(read);
  });
  test('an old broker sends no mappings', () => {
    expect(decodeRegisterBrokerBody(deflateSync(inflated.subarray(0, -4)), true, 409).filterServerList).toEqual([]);
    expect(() => decodeRegisterBrokerBody(deflateSync(inflated.subarray(0, -4)), true, 513)).toThrow(/ends before the count of topicQueueMappingInfoMap/);
  });
  test('every truncation is refused', () => {
    for (let length = 0; length < inflated.length; length++) expect(() => decodeRegisterBrokerBody(deflateSync(inflated.subarray(0, length)), true, 513)).toThrow(Refusal);
    for (let length = 0; length < compressed.length; length++) expect(() => decodeRegisterBrokerBody(compressed.subarray(0, length), true, 513)).toThrow(Refusal);
  });
  test('lying counts and lengths, and inflation beyond the limit', () => {
    const lying = Buffer.from(inflated);
    lying.writeInt32BE(0x7fffffff, 60);
    expect(() => decodeRegisterBrokerBody(deflateSync(lying), true, 513)).toThrow(/count of topics 2147483647 is outside/);
    expect(() => decodeRegisterBrokerBody(deflateSync(Buffer.alloc(5000)), true, 513, 4096)).toThrow(/more than 4096 bytes/);
  });
  test('a topic as text', () => {
    const line = golden('TopicConfig.encode()');
    expect(topicText(parseTopicText(line))).toBe(line);
    expect(parseTopicText('T 4 4 6 SINGLE_TAG {"a":"b c"}').attributes.size).toBe(0);
    expect(() => parseTopicText('T 4 4')).toThrow(/at least 5 parts/);
    expect(() => parseTopicText('T 4 x 6 SINGLE_TAG')).toThrow(/writeQueueNums/);
  });
});

test('a boolean is one, its word in quotes in any case, 1 or 0; anything else is refused', () => {
  const read = (value: string | number | boolean): boolean => bool.read(value, 'x');
  expect([true, 1, '1', 'true', 'TRUE'].map(read)).toEqual([true, true, true, true, true]);
  expect([false, 0, '0', 'false', 'False'].map(read)).toEqual([false, false, false, false, false]);
  for (const value of ['', 'yes', 'nottrue', 2, '2']) expect(() => read(value)).toThrow(Refusal);
});
