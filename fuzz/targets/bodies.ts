/** JSON bodies and files: their shapes, a name server's registration, and a broker that starts with config files of any content. */
import * as bodyTable from '../../src/codec/bodies.js';
import type { Body } from '../../src/codec/json-shape.js';
import { Fault, Refusal } from '../../src/codec/errors.js';
import { encodeCompressedRegisterBrokerBody, decodeRegisterBrokerBody } from '../../src/codec/register-broker-body.js';
import { bodies } from '../../src/codec/testdata/wire.js';
import { Composed } from '../../src/server/broker/testdata/composed.js';
import { readRegistration } from '../../src/server/namesrv/registration-body.js';
import { simulatedDisk } from '../../src/store/simulated-disk.js';
import { deflateSync } from 'node:zlib';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';
import { mutateBytes, mutateText } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { boundaryNumbers } from '../engine/dictionary.js';
import { wellFormed } from './headers.js';

const isBody = (value: unknown): value is Body<unknown> => typeof value === 'object' && value !== null && 'decode' in value && 'encode' in value && 'name' in value;
const shapes: readonly Body<unknown>[] = (Object.values(bodyTable) as readonly unknown[]).filter(isBody);
const golden: readonly Buffer[] = [...Object.values(bodies.golden), ...Object.values(bodies.live)].map((hex) => Buffer.from(hex, 'hex')).filter((bytes) => bytes[0] === 0x7b && bytes.length <= 4096);

/** Another value somewhere in a JSON text, the rest as it was. */
export function mutateJsonText(random: Random, text: string): string {
  const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null/g)];
  const place = places.length === 0 ? undefined : random.pick(places);
  if (place === undefined) return text;
  const made = random.below(3) === 0 ? random.pick(boundaryNumbers) : random.once(2) ? random.pick(['null', 'true', '""', '{}', '[]', '"a"', '-1', '{"a":1}', '[null]', '"\\u0000"']) : JSON.stringify(mutateText(random, place[0].replace(/^"|"$/g, '')));
  return text.slice(0, place.index) + made + text.slice(place.index + place[0].length);
}

const nulled = (value: unknown): unknown => wellFormed(JSON.parse(JSON.stringify(value, (_key, one: unknown) => (one instanceof Map ? [...(one as Map<unknown, unknown>)] : typeof one === 'bigint' ? `${one}n` : Object.is(one, -0) ? 0 : one)) ?? 'null'));

export function bodyJson(): Target {
  return {
    name: 'body-json',
    proves: 'every JSON body of the protocol: a value of its shape or a Refusal; what is read is written and read again',
    declared: [Refusal],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    seeds: () => golden.flatMap((bytes) => shapes.flatMap((shape, i) => {
      try {
        shape.decode(bytes);
        return [Buffer.concat([Buffer.from([i]), bytes])];
      } catch {
        return [];
      }
    })).slice(0, 120),
    mutate: (random, input) => (input.length < 2 ? undefined : Buffer.concat([input.subarray(0, 1), Buffer.from(mutateJsonText(random, input.toString('utf8', 1)))])),
    open: () => ({
      run: (input): Outcome => {
        const shape = shapes[(input[0] ?? 0) % shapes.length] as Body<unknown>;
        const value = shape.decode(input.subarray(1));
        same(`${shape.name} written and read again`, nulled(shape.decode(shape.encode(value))), nulled(value));
        same(`${shape.name} written for a file and read again`, nulled(shape.decode(shape.encodePretty(value))), nulled(value));
        return 'taken';
      },
    }),
  };
}

export type RegistrationSubject = typeof readRegistration;

/** First byte: bit 0 compressed (the rest is deflated here, so that changes reach what is inside), bits 1-2 the broker's version. */
export function registration(subject: RegistrationSubject = readRegistration): Target {
  const versions = [513, 400, 300, 1];
  return {
    name: 'registration',
    proves: 'bodies of REGISTER_BROKER of every form and version: tables or a Refusal; counts and lengths are checked before anything is made of them',
    declared: [Refusal],
    inputBytesMax: 8192,
    allocationBytesMax: (inputBytes) => 128 * inputBytes + 262_144,
    seeds: () => [
      ['\u0000', bodies.golden['RegisterBrokerBody.json']], ['\u0001', bodies.golden['RegisterBrokerBody.inflated']], ['\u0003', bodies.golden['RegisterBrokerBody.inflated']], ['\u0006', bodies.golden['RegisterBrokerBody.json']],
    ].map(([head = '', hex = '']) => Buffer.concat([Buffer.from(head), Buffer.from(hex, 'hex')])),
    mutate: (random, input) => ((input[0] ?? 0) % 2 === 1 || random.once(3) ? undefined : Buffer.concat([input.subarray(0, 1), Buffer.from(mutateJsonText(random, input.toString('utf8', 1)))])),
    open: () => ({
      run: (input): Outcome => {
        const head = input[0] ?? 0;
        const compressed = (head & 1) === 1;
        const version = versions[(head >> 1) & 3] as number;
        const body = compressed ? deflateSync(input.subarray(1), { level: 1 }) : input.subarray(1);
        const { topics, mappings } = subject(body, compressed, version);
        for (const topic of topics) holds(typeof topic.topicName === 'string' && Number.isInteger(topic.perm) && Number.isInteger(topic.readQueueNums), () => `a topic of the registration is ${JSON.stringify(topic)}`);
        for (const mapping of mappings) holds(typeof mapping.topic === 'string', () => 'a mapping has no topic');
        if (compressed && version >= 400) {
          const value = decodeRegisterBrokerBody(body, true, version);
          same('registration written and read again', subject(encodeCompressedRegisterBrokerBody(value), true, 513).topics.length, topics.length);
        }
        return 'taken';
      },
    }),
  };
}

const configFiles = ['topics.json', 'subscriptionGroup.json', 'consumerOffset.json', 'delayOffset.json', 'consumerFilter.json', 'consumerOrderInfo.json', 'timermetrics', 'transactionMetrics', 'messageRequestMode.json', 'broadcastOffset.json'];

/** First byte: which file. Its backup stays away: what cannot be read has to be refused, not lost. */
export function configJson(): Target {
  const seed = (at: number, text: string): Buffer => Buffer.concat([Buffer.from([at]), Buffer.from(text)]);
  const file = (name: string): string => Buffer.from(bodies.golden[`file.${name}`] ?? '', 'hex').toString('utf8');
  return {
    name: 'config-json',
    proves: 'a broker with a config file of any content starts and serves, or says with a Fault that it cannot read it, and then leaves the file as it is',
    declared: [],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 16 * 1024 * 1024 + 64 * inputBytes,
    // A whole broker is opened, serves and stops.
    millisMax: 400,
    seeds: () => [
      seed(0, file('topics.json')), seed(1, file('subscriptionGroup.json')), seed(2, file('consumerOffset.json(pretty)')), seed(3, file('delayOffset.json')),
      seed(4, '{"filterDataByTopic":{"T":{"filterDataMap":{"G":{"bornTime":1,"clientVersion":1,"consumerGroup":"G","deadTime":0,"expression":"a = 1","expressionType":"SQL92","topic":"T"}},"topic":"T"}}}'),
      seed(5, '{"table":{"T@G":{0:{"popTime":1,"attemptId":"a","invisibleTime":60000,"nextVisibleTime":60001,"offsetList":[0],"offsetNextVisibleTime":{},"offsetConsumedCount":{},"lastConsumeTimestamp":1,"commitOffsetBit":0}}}}'),
    ],
    mutate: (random, input) => (input.length < 2 ? undefined : random.once(3)
      ? Buffer.concat([input.subarray(0, 1), mutateBytes(random, input.subarray(1), input.subarray(1), 4000)])
      : Buffer.concat([input.subarray(0, 1), Buffer.from(mutateJsonText(random, input.toString('utf8', 1)))])),
    open: () => ({
      run: async (input): Promise<Outcome> => {
        const disk = simulatedDisk(7);
        const path = `/data/config/${configFiles[(input[0] ?? 0) % configFiles.length] as string}`;
        const content = input.subarray(1);
        disk.place(path, content);
        let composed: Composed;
        try {
          composed = await Composed.open({ timerWheelEnable: 'false' }, disk);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          holds(disk.content(path).equals(content), () => 'a file that cannot be read was changed');
          return 'refused';
        }
        const send = (): Promise<{ readonly code: number }> => composed.ask('SEND_MESSAGE_V2', { ext: { a: 'p', b: 'ProbeOfFile', c: 'TBW102', d: '4', e: '0', f: '0', g: '1700000000000', h: '0', i: '', j: '0' }, body: 'golden' });
        const { code } = await send();
        // A file may forbid the topic; any answer of the send's own is one.
        holds([0, 1, 14, 16, 17].includes(code), () => `a send is answered ${code}`);
        await composed.stop();
        return 'taken';
      },
    }),
  };
}
