/**
 * What only the Node library (rocketmq-client-nodejs) does, and what the store holds of what it sent; the scenarios that all gRPC libraries play are
 * `grpc-sdks.interop.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import { RawClient } from '../raw-client.js';
import { SdkDriver } from '../sdk-driver.js';

describe('rocketmq-client-nodejs', () => {
  let endpoint: SkylarkEndpoint;
  let broker: RawClient;
  let sdk: SdkDriver;

  beforeAll(async () => {
    endpoint = await SkylarkEndpoint.start();
    broker = await RawClient.connect(endpoint.broker);
    sdk = await SdkDriver.start('grpc-node', endpoint.grpc ?? '');
  }, 120_000);

  afterAll(async () => {
    await sdk.stop();
    broker.close();
    await endpoint.dispose();
  }, 180_000);

  const topic = async (name: string, type: string, queues = 4): Promise<void> => broker.createTopic(name, queues, { attributes: `+message.type=${type}` });
  const stored = async (name: string, queues: number): Promise<Awaited<ReturnType<RawClient['readQueue']>>> => (await Promise.all(Array.from({ length: queues }, (_, queue) => broker.readQueue(name, queue)))).flat();

  test('sends, and the store holds what it sent', async () => {
    await topic('NodeNormal', 'NORMAL');
    const messages = Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, body: `body ${i} größe`, tag: 'TagA', properties: { colour: 'blue' } }));
    const sent = await sdk.send('NodeNormal', 'sync', messages);
    const held = await stored('NodeNormal', 4);
    expect(held.map((one) => one.body.toString()).sort()).toEqual(messages.map((one) => one.body).sort());
    expect(held.map((one) => one.properties['UNIQ_KEY']).sort()).toEqual(sent.map((one) => one.msgId).sort());
    expect(held.map((one) => [one.properties['TAGS'], one.properties['colour']])).toEqual(messages.map(() => ['TagA', 'blue']));
  }, 180_000);

  test('starts a producer of several topics', async () => {
    for (const name of ['NodeOne', 'NodeTwo', 'NodeThree']) await topic(name, 'NORMAL');
    await sdk.command('producer', { topics: ['NodeOne', 'NodeTwo', 'NodeThree'] }, 20_000);
  }, 180_000);

  test('sends in order to one queue of a FIFO topic', async () => {
    await topic('NodeFifo', 'FIFO', 8);
    const messages = Array.from({ length: 10 }, (_, i) => ({ key: `k${i}`, body: `${i}`, shard: 'orders' }));
    await sdk.send('NodeFifo', 'sync', messages);
    const held = await stored('NodeFifo', 8);
    expect(held.map((one) => one.body.toString())).toEqual(messages.map((one) => one.body));
    expect(new Set(held.map((one) => one.queueId)).size).toBe(1);
  }, 180_000);

  test('is refused a message of another type than the topic', async () => {
    await topic('NodeRefused', 'FIFO');
    await expect(sdk.send('NodeRefused', 'sync', [{ key: 'k', body: 'x' }])).rejects.toThrow(/type/i);
  }, 180_000);
});
