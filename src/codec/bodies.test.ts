import { describe, expect, test } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import * as all from './bodies.js';
import { Refusal } from './errors.js';
import type { Body } from './json-shape.js';
import { decodeRegisterBrokerBody, encodeCompressedRegisterBrokerBody, parseTopicText, topicText } from './register-broker-body.js';
import { bodies } from './testdata/wire.js';

const golden = (name: string): string => bodies.golden[name] as string;

describe('Apache\'s bytes are read and written back', () => {
  test.each<[string, Body<never>]>([
    ['HeartbeatData', all.heartbeatData as Body<never>], ['TopicRouteData.encode', all.topicRouteData as Body<never>], ['ClusterInfo', all.clusterInfo as Body<never>],
    ['RegisterBrokerBody.json', all.registerBrokerBody as Body<never>], ['LockBatchRequestBody', all.lockBatchRequestBody as Body<never>],
    ['TopicStatsTable', all.topicStatsTable as Body<never>], ['ConsumeStats', all.consumeStats as Body<never>], ['ResetOffsetBody', all.resetOffsetBody as Body<never>],
    ['ConsumerConnection', all.consumerConnection as Body<never>], ['SubscriptionGroupConfig', all.subscriptionGroupConfig as Body<never>], ['DataVersion', all.dataVersion as Body<never>],
    ['file.consumerOffset.json(compact)', all.consumerOffsetFile as Body<never>], ['file.delayOffset.json', all.delayOffsetFile as Body<never>],
    ['file.topics.json', all.topicConfigSerializeWrapper as Body<never>], ['file.subscriptionGroup.json', all.subscriptionGroupWrapper as Body<never>],
    ['file.kvConfig.json', all.kvConfigFile as Body<never>], ['KVTable', all.kvTable as Body<never>], ['GetBrokerMemberGroupResponseBody', all.getBrokerMemberGroupResponseBody as Body<never>],
  ])('%s', (name, shape) => {
    expect(shape.encode(shape.decode(golden(name))).toString()).toBe(golden(name));
  });

  test('a config file in pretty form', () => {
    const text = golden('file.consumerOffset.json(pretty)');
    expect(all.consumerOffsetFile.encodePretty(all.consumerOffsetFile.decode(text))).toBe(text);
  });

  const live: Readonly<Record<string, Body<never>>> = {
    GET_ROUTEINFO_BY_TOPIC: all.topicRouteData as Body<never>, GET_BROKER_CLUSTER_INFO: all.clusterInfo as Body<never>, GET_CONSUMER_LIST_BY_GROUP: all.getConsumerListByGroupResponseBody as Body<never>,
    GET_ALL_TOPIC_LIST_FROM_NAMESERVER: all.topicList as Body<never>, GET_TOPIC_CONFIG: all.topicConfig as Body<never>, GET_SUBSCRIPTIONGROUP_CONFIG: all.subscriptionGroupConfig as Body<never>,
    GET_TOPIC_STATS_INFO: all.topicStatsTable as Body<never>, GET_CONSUME_STATS: all.consumeStats as Body<never>, GET_CONSUMER_CONNECTION_LIST: all.consumerConnection as Body<never>,
    GET_PRODUCER_CONNECTION_LIST: all.producerConnection as Body<never>, INVOKE_BROKER_TO_RESET_OFFSET: all.resetOffsetBody as Body<never>, LOCK_BATCH_MQ: all.lockBatchResponseBody as Body<never>,
    QUERY_TOPIC_CONSUME_BY_WHO: all.groupList as Body<never>, VIEW_BROKER_STATS_DATA: all.brokerStatsData as Body<never>, REGISTER_BROKER: all.kvTable as Body<never>, QUERY_DATA_VERSION: all.dataVersion as Body<never>,
  };
  test('recorded answers of a broker and a name server', () => {
    let count = 0;
    for (const [name, text] of Object.entries(bodies.live)) {
      const [kind, code] = name.split('.') as [string, string];
      const shape = kind === 'response' ? live[code] : undefined;
      if (shape === undefined) continue;
      const value = shape.decode(text);
      const written = code === 'GET_ROUTEINFO_BY_TOPIC' && text.includes('{"0":')
        ? all.encodeTopicRouteData(value, 513) : shape.encode(value);
      expect(written.toString()).toBe(text);
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
