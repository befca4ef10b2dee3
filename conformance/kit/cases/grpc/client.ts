/** Clients over gRPC: metadata, Heartbeat, Telemetry and its settings, NotifyClientTermination. */
import { defineCases } from '../../case.js';
import type { Context } from '../../context.js';
import { equal, isTrue, present } from '../../expect.js';
import { grpcClient, grpcStatusIs, ms, statusIs, time, topicOf } from '../../grpc/ask.js';
import { GrpcStatus } from '../../grpc/client.js';
import { ClientType, Code, FilterType, Language, methods, type MethodName } from '../../grpc/tables.js';
import { decode, encode, type MessageOf } from '../../grpc/wire.js';

const needs = ['grpc'] as const;

/** Codes of RST_STREAM. */
const reset = { INTERNAL_ERROR: 2, CANCEL: 8 } as const;

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`);

/** Methods that answer a Status, and so say that the client id is missing. */
const asked = (Object.keys(methods) as MethodName[]).filter((name) => !['Telemetry', 'PullMessage', 'UpdateOffset', 'GetOffset', 'QueryOffset'].includes(name));

/** The settings of a consumer as the endpoint gives them back. */
async function consumerSettings(t: Context, group: string, more: MessageOf<'Subscription'> = {}): Promise<MessageOf<'Settings'>> {
  const topic = await topicOf(t);
  const client = await grpcClient(t);
  return client.telemetry().settings({
    client_type: ClientType.PUSH_CONSUMER, request_timeout: time(3000),
    subscription: { group: { name: group }, subscriptions: [{ topic: { name: topic }, expression: { type: FilterType.TAG, expression: '*' } }], ...more },
  });
}

/** Telemetry with these settings must end with this grpc-status. */
async function settingsRefused(t: Context, settings: MessageOf<'Settings'>, status: number): Promise<void> {
  const stream = (await grpcClient(t)).telemetry();
  stream.send({ settings });
  const outcome = await stream.stream.end();
  grpcStatusIs(outcome, status, 'Telemetry');
  equal(outcome.messages.length, 0, 'commands that came');
}

export const cases = defineCases('grpc', [
  ...asked.map((method) => ({
    name: `grpc.metadata.no-client-id-${dashed(method)}`,
    requirement: `${method} without x-mq-client-id is refused with CLIENT_ID_REQUIRED.`,
    level: 'MUST' as const, needs, source: 'GrpcMessagingApplication#validateContext', origin: 'generated' as const,
    async run(t: Context) {
      const { answer } = await (await grpcClient(t)).call(method, {}, { headers: { 'x-mq-client-id': undefined } });
      statusIs((answer as { status?: MessageOf<'Status'> }).status, Code.CLIENT_ID_REQUIRED, method);
    },
  })),
  {
    name: 'grpc.metadata.blank-client-id',
    requirement: 'A blank x-mq-client-id is refused as a missing one is.',
    level: 'MUST', needs, source: 'GrpcMessagingApplication#validateContext',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('QueryRoute', {}, { headers: { 'x-mq-client-id': ' ' } })).answer.status, Code.CLIENT_ID_REQUIRED, 'QueryRoute');
    },
  },
  {
    name: 'grpc.metadata.telemetry-without-client-id',
    requirement: 'Telemetry without x-mq-client-id answers the first command with CLIENT_ID_REQUIRED and ends.',
    level: 'SHOULD', needs, source: 'GrpcMessagingApplication#telemetry',
    async run(t) {
      const stream = (await grpcClient(t)).telemetry({ headers: { 'x-mq-client-id': undefined } });
      stream.send({ settings: { client_type: ClientType.PRODUCER, publishing: { topics: [] } } });
      statusIs((await stream.next()).status, Code.CLIENT_ID_REQUIRED, 'Telemetry');
      grpcStatusIs(await stream.stream.end(), 0, 'Telemetry');
    },
  },
  {
    name: 'grpc.metadata.only-client-id',
    requirement: 'QueryRoute needs no metadata but the client id.',
    level: 'SHOULD', needs, source: 'ContextInitPipeline#execute',
    async run(t) {
      const none = { 'x-mq-language': undefined, 'x-mq-client-version': undefined, 'x-mq-protocol': undefined, 'x-mq-request-id': undefined };
      statusIs((await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t) } }, { headers: none })).answer.status, Code.OK, 'QueryRoute');
    },
  },
  {
    name: 'grpc.metadata.no-deadline',
    requirement: 'A call without grpc-timeout is served.',
    level: 'SHOULD', needs, source: 'ContextInitPipeline#execute',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t) } }, { deadlineMs: null })).answer.status, Code.OK, 'QueryRoute');
    },
  },
  ...([
    ['zero', '0n', 'of nothing', reset.CANCEL], ['negative', '-1S', 'that has passed', reset.CANCEL], ['malformed', 'garbage', 'that cannot be read', reset.INTERNAL_ERROR], ['too-long', '999999999S', 'of more than nine characters', reset.INTERNAL_ERROR],
  ] as const).map(([name, timeout, what, code]) => ({
    name: `grpc.metadata.deadline-${name}`,
    requirement: `A call with a grpc-timeout ${what} is reset, and calls after it are served.`,
    level: 'SHOULD' as const, needs, source: code === reset.CANCEL ? 'ServerImpl#createContext' : 'TimeoutMarshaller#parseAsciiString', origin: 'generated' as const,
    async run(t: Context) {
      const [client, request] = [await grpcClient(t), { topic: { name: await topicOf(t) } }];
      const outcome = await client.outcome('QueryRoute', encode('QueryRouteRequest', request), { headers: { 'grpc-timeout': timeout } });
      equal([outcome.status, outcome.messages.length, outcome.reset], [undefined, 0, code], 'grpc-status, answers, code of the reset');
      statusIs((await client.call('QueryRoute', request)).answer.status, Code.OK, 'QueryRoute');
    },
  })),
  {
    name: 'grpc.metadata.deadline-far',
    requirement: 'A call whose deadline is eleven thousand years away is served.',
    level: 'SHOULD', needs, source: 'TimeoutMarshaller#parseAsciiString',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('QueryRoute', { topic: { name: await topicOf(t) } }, { headers: { 'grpc-timeout': '99999999H' } })).answer.status, Code.OK, 'QueryRoute');
    },
  },
  {
    name: 'grpc.metadata.deadline-ends-telemetry',
    requirement: 'Telemetry is cancelled when its deadline passes.',
    level: 'SHOULD', needs, source: 'ServerImpl#createContext',
    async run(t) {
      const stream = (await grpcClient(t)).telemetry({ deadlineMs: 2000 });
      await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } });
      const outcome = await stream.stream.end(8000);
      equal([outcome.status, outcome.reset], [undefined, reset.CANCEL], 'grpc-status, code of the reset');
    },
  },
  {
    name: 'grpc.metadata.unknown-language',
    requirement: 'Telemetry of a producer whose x-mq-language is unknown ends with INTERNAL.',
    level: 'SHOULD', needs, source: 'ClientActivity#registerProducer',
    async run(t) {
      const topic = await topicOf(t);
      const stream = (await grpcClient(t)).telemetry({ headers: { 'x-mq-language': 'KLINGON' } });
      stream.send({ settings: { client_type: ClientType.PRODUCER, publishing: { topics: [{ name: topic }] } } });
      grpcStatusIs(await stream.stream.end(), GrpcStatus.INTERNAL, 'Telemetry');
    },
  },
  {
    name: 'grpc.heartbeat.unknown-client',
    requirement: 'Heartbeat of a client without settings is answered with UNRECOGNIZED_CLIENT_TYPE.',
    level: 'MUST', needs, source: 'ClientActivity#heartbeat',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('Heartbeat', { client_type: ClientType.PRODUCER })).answer.status, Code.UNRECOGNIZED_CLIENT_TYPE, 'Heartbeat');
    },
  },
  {
    name: 'grpc.heartbeat.producer',
    requirement: 'Heartbeat of a producer that sent its settings is answered with OK.',
    level: 'MUST', needs, source: 'ClientActivity#heartbeat',
    async run(t) {
      const client = await grpcClient(t);
      await client.producer(await topicOf(t));
      statusIs((await client.call('Heartbeat', { client_type: ClientType.PRODUCER })).answer.status, Code.OK, 'Heartbeat');
    },
  },
  {
    name: 'grpc.heartbeat.consumer',
    requirement: 'Heartbeat of a consumer that sent its settings is answered with OK.',
    level: 'MUST', needs, source: 'ClientActivity#heartbeat',
    async run(t) {
      const [client, group] = [await grpcClient(t), await t.group()];
      await client.consumer(group, [await topicOf(t)]);
      statusIs((await client.call('Heartbeat', { client_type: ClientType.SIMPLE_CONSUMER, group: { name: group } })).answer.status, Code.OK, 'Heartbeat');
    },
  },
  {
    name: 'grpc.heartbeat.type-of-settings-counts',
    requirement: 'The client type of the settings counts, not that of the heartbeat.',
    level: 'SHOULD', needs, source: 'ClientActivity#heartbeat',
    async run(t) {
      const client = await grpcClient(t);
      await client.producer(await topicOf(t));
      statusIs((await client.call('Heartbeat', { client_type: ClientType.PUSH_CONSUMER })).answer.status, Code.OK, 'Heartbeat');
    },
  },
  {
    name: 'grpc.heartbeat.consumer-without-group',
    requirement: 'Heartbeat of a consumer without a group is refused with ILLEGAL_CONSUMER_GROUP.',
    level: 'MUST', needs, source: 'GrpcValidator#validateConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      await client.consumer(await t.group(), [await topicOf(t)]);
      statusIs((await client.call('Heartbeat', { client_type: ClientType.SIMPLE_CONSUMER })).answer.status, Code.ILLEGAL_CONSUMER_GROUP, 'Heartbeat');
    },
  },
  {
    name: 'grpc.heartbeat.other-connection',
    requirement: 'A client is known by its id, whichever connection its heartbeat comes by.',
    level: 'SHOULD', needs, source: 'GrpcClientSettingsManager#getClientSettings',
    async run(t) {
      const client = await grpcClient(t);
      await client.producer(await topicOf(t));
      statusIs((await (await grpcClient(t, client.clientId)).call('Heartbeat', {})).answer.status, Code.OK, 'Heartbeat');
    },
  },
  {
    name: 'grpc.termination.unknown-client',
    requirement: 'NotifyClientTermination of a client without settings is answered with UNRECOGNIZED_CLIENT_TYPE.',
    level: 'MUST', needs, source: 'ClientActivity#notifyClientTermination',
    async run(t) {
      statusIs((await (await grpcClient(t)).call('NotifyClientTermination', {})).answer.status, Code.UNRECOGNIZED_CLIENT_TYPE, 'NotifyClientTermination');
    },
  },
  {
    name: 'grpc.termination.producer-forgotten',
    requirement: 'A producer is forgotten after NotifyClientTermination.',
    level: 'MUST', needs, source: 'ClientActivity#notifyClientTermination',
    async run(t) {
      const client = await grpcClient(t);
      await client.producer(await topicOf(t));
      statusIs((await client.call('NotifyClientTermination', {})).answer.status, Code.OK, 'NotifyClientTermination');
      statusIs((await client.call('Heartbeat', {})).answer.status, Code.UNRECOGNIZED_CLIENT_TYPE, 'Heartbeat afterwards');
    },
  },
  {
    name: 'grpc.termination.consumer',
    requirement: 'NotifyClientTermination of a consumer with its group is answered with OK.',
    level: 'MUST', needs, source: 'ClientActivity#notifyClientTermination',
    async run(t) {
      const [client, group] = [await grpcClient(t), await t.group()];
      await client.consumer(group, [await topicOf(t)]);
      statusIs((await client.call('NotifyClientTermination', { group: { name: group } })).answer.status, Code.OK, 'NotifyClientTermination');
    },
  },
  {
    name: 'grpc.termination.consumer-without-group',
    requirement: 'NotifyClientTermination of a consumer without a group is refused with ILLEGAL_CONSUMER_GROUP.',
    level: 'SHOULD', needs, source: 'GrpcValidator#validateConsumerGroup',
    async run(t) {
      const client = await grpcClient(t);
      await client.consumer(await t.group(), [await topicOf(t)]);
      statusIs((await client.call('NotifyClientTermination', {})).answer.status, Code.ILLEGAL_CONSUMER_GROUP, 'NotifyClientTermination');
    },
  },
  {
    name: 'grpc.telemetry.producer-settings',
    requirement: 'A producer is given 3 attempts with back-off from 10 ms to 1 s times 2, a body of 4 MiB at most, and the message type check.',
    level: 'MUST', needs, source: 'GrpcClientSettingsManager#mergeProducerData',
    async run(t) {
      const settings = await (await grpcClient(t)).telemetry().settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } });
      equal(settings.backoff_policy?.max_attempts, 3, 'max_attempts');
      const backoff = present(settings.backoff_policy?.exponential_backoff, 'exponential_backoff');
      equal([ms(backoff.initial), ms(backoff.max), backoff.multiplier], [10, 1000, 2], 'initial, max, multiplier');
      equal([settings.publishing?.max_body_size, settings.publishing?.validate_message_type], [4_194_304, true], 'max_body_size, validate_message_type');
    },
  },
  {
    name: 'grpc.telemetry.settings-echoed',
    requirement: 'What the client said of itself comes back in the settings.',
    level: 'MUST', needs, source: 'GrpcClientSettingsManager#getClientSettings',
    async run(t) {
      const topic = await topicOf(t);
      const settings = await (await grpcClient(t)).telemetry().settings({
        client_type: ClientType.PRODUCER, publishing: { topics: [{ name: topic }] }, request_timeout: time(3456),
        user_agent: { language: Language.GOLANG, version: '9.8.7', platform: 'judge', hostname: 'here' },
      });
      equal(settings.client_type, ClientType.PRODUCER, 'client_type');
      equal(settings.publishing?.topics?.map((one) => one.name), [topic], 'topics');
      equal(ms(settings.request_timeout), 3456, 'request_timeout');
      equal([settings.user_agent?.language, settings.user_agent?.version, settings.user_agent?.platform, settings.user_agent?.hostname], [Language.GOLANG, '9.8.7', 'judge', 'here'], 'user_agent');
    },
  },
  {
    name: 'grpc.telemetry.no-metrics',
    requirement: 'Metrics are off unless the endpoint is told to collect them.',
    level: 'SHOULD', needs, source: 'GrpcClientSettingsManager#mergeMetric',
    async run(t) {
      const settings = await (await grpcClient(t)).telemetry().settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } });
      equal(present(settings.metric, 'metric').on ?? false, false, 'metric.on');
    },
  },
  {
    name: 'grpc.telemetry.consumer-settings',
    requirement: 'A consumer is given batches of 32, long polling of 20 s and 17 attempts.',
    level: 'MUST', needs, source: 'GrpcClientSettingsManager#mergeSubscriptionData',
    async run(t) {
      const settings = await consumerSettings(t, await t.group());
      equal([settings.subscription?.receive_batch_size, ms(settings.subscription?.long_polling_timeout), settings.subscription?.fifo ?? false], [32, 20_000, false], 'receive_batch_size, long_polling_timeout, fifo');
      equal(settings.backoff_policy?.max_attempts, 17, 'max_attempts');
    },
  },
  {
    name: 'grpc.telemetry.consumer-backoff',
    requirement: 'A consumer is given the 18 steps of the delay levels as back-off.',
    level: 'MUST', needs, source: 'CustomizedRetryPolicy',
    async run(t) {
      const settings = await consumerSettings(t, await t.group());
      equal(settings.backoff_policy?.customized_backoff?.next?.map((one) => ms(one) / 1000), [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200], 'steps in seconds');
    },
  },
  {
    name: 'grpc.telemetry.group-attempts',
    requirement: 'A consumer is given one attempt more than retryMaxTimes of its group.',
    level: 'MUST', needs, source: 'GrpcClientSettingsManager#mergeSubscriptionData',
    async run(t) {
      equal((await consumerSettings(t, await t.group({ retryMaxTimes: 4 }))).backoff_policy?.max_attempts, 5, 'max_attempts');
    },
  },
  {
    name: 'grpc.telemetry.group-exponential',
    requirement: 'A group whose retry policy is exponential gives its consumers exponential back-off.',
    level: 'SHOULD', needs, source: 'GrpcClientSettingsManager#convertToExponentialBackoff',
    async run(t) {
      const group = await t.group({ groupRetryPolicy: { type: 'EXPONENTIAL', exponentialRetryPolicy: { initial: 2000, max: 60_000, multiplier: 3 } } });
      const backoff = present((await consumerSettings(t, group)).backoff_policy?.exponential_backoff, 'exponential_backoff');
      equal([ms(backoff.initial), ms(backoff.max), backoff.multiplier], [2000, 60_000, 3], 'initial, max, multiplier');
    },
  },
  {
    name: 'grpc.telemetry.group-orderly',
    requirement: 'The setting fifo is consumeMessageOrderly of the group, whatever the client says.',
    level: 'MUST', needs, source: 'GrpcClientSettingsManager#mergeSubscriptionData',
    async run(t) {
      equal((await consumerSettings(t, await t.group({ consumeMessageOrderly: true }), { fifo: false })).subscription?.fifo, true, 'fifo of an orderly group');
      equal((await consumerSettings(t, await t.group(), { fifo: true })).subscription?.fifo ?? false, false, 'fifo of another group');
    },
  },
  {
    name: 'grpc.telemetry.settings-again',
    requirement: 'Settings may be sent again on the same stream and are answered again.',
    level: 'MUST', needs, source: 'ClientActivity#telemetry',
    async run(t) {
      const [stream, one, two] = [(await grpcClient(t)).telemetry(), await topicOf(t), await topicOf(t)];
      await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: one }] } });
      const settings = await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: one }, { name: two }] } });
      equal(settings.publishing?.topics?.map((topic) => topic.name), [one, two], 'topics');
    },
  },
  {
    name: 'grpc.telemetry.producer-without-topics',
    requirement: 'A producer without topics is given its settings.',
    level: 'SHOULD', needs, source: 'ClientActivity#processAndWriteClientSettings',
    async run(t) {
      equal((await (await grpcClient(t)).telemetry().settings({ client_type: ClientType.PRODUCER, publishing: { topics: [] } })).backoff_policy?.max_attempts, 3, 'max_attempts');
    },
  },
  {
    name: 'grpc.telemetry.half-close-ends',
    requirement: 'Telemetry ends with grpc-status 0 when the client half-closes it.',
    level: 'MUST', needs, source: 'ClientActivity#telemetry',
    async run(t) {
      const stream = await (await grpcClient(t)).producer(await topicOf(t));
      stream.stream.halfClose();
      grpcStatusIs(await stream.stream.end(), 0, 'Telemetry');
    },
  },
  {
    name: 'grpc.telemetry.empty-command-passed-over',
    requirement: 'A command without content is passed over, and the stream goes on.',
    level: 'SHOULD', needs, source: 'ClientActivity#telemetry',
    async run(t) {
      const stream = (await grpcClient(t)).telemetry();
      stream.send({});
      await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } });
    },
  },
  {
    name: 'grpc.telemetry.unknown-nonce-passed-over',
    requirement: 'A verify_message_result that nobody asked for is passed over.',
    level: 'SHOULD', needs, source: 'ClientActivity#reportVerifyMessageResult',
    async run(t) {
      const stream = (await grpcClient(t)).telemetry();
      stream.send({ status: { code: Code.OK }, verify_message_result: { nonce: 'nobody' } });
      stream.send({ status: { code: Code.OK }, thread_stack_trace: { nonce: 'nobody', thread_stack_trace: 'none' } });
      await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } });
    },
  },
  {
    name: 'grpc.telemetry.neither-publishing-nor-subscription',
    requirement: 'Settings without publishing and subscription end the stream with INVALID_ARGUMENT.',
    level: 'MUST', needs, source: 'ClientActivity#processAndWriteClientSettings',
    async run(t) {
      await settingsRefused(t, { client_type: ClientType.PRODUCER }, GrpcStatus.INVALID_ARGUMENT);
    },
  },
  {
    name: 'grpc.telemetry.illegal-topic',
    requirement: 'Settings of a producer with an illegal topic name end the stream with INVALID_ARGUMENT.',
    level: 'MUST', needs, source: 'ClientActivity#processTelemetryException',
    async run(t) {
      await settingsRefused(t, { client_type: ClientType.PRODUCER, publishing: { topics: [{ name: 'no topic' }] } }, GrpcStatus.INVALID_ARGUMENT);
    },
  },
  {
    name: 'grpc.telemetry.illegal-group',
    requirement: 'Settings of a consumer with an illegal group name end the stream with INVALID_ARGUMENT.',
    level: 'MUST', needs, source: 'ClientActivity#processTelemetryException',
    async run(t) {
      await settingsRefused(t, { client_type: ClientType.SIMPLE_CONSUMER, subscription: { group: { name: 'no group' }, subscriptions: [] } }, GrpcStatus.INVALID_ARGUMENT);
    },
  },
  {
    name: 'grpc.telemetry.no-consumer-type',
    requirement: 'Settings with a subscription and a client type that is no consumer end the stream with INTERNAL.',
    level: 'SHOULD', needs, source: 'ClientActivity#buildConsumeType',
    async run(t) {
      await settingsRefused(t, { client_type: ClientType.PRODUCER, subscription: { group: { name: await t.group() }, subscriptions: [] } }, GrpcStatus.INTERNAL);
    },
  },
  {
    name: 'grpc.telemetry.unknown-client-type',
    requirement: 'Settings with a subscription and an unknown client type end the stream with INTERNAL.',
    level: 'SHOULD', needs, source: 'ClientActivity#buildConsumeType',
    async run(t) {
      await settingsRefused(t, { client_type: 77, subscription: { group: { name: await t.group() }, subscriptions: [] } }, GrpcStatus.INTERNAL);
    },
  },
  {
    name: 'grpc.telemetry.unknown-group',
    requirement: 'A consumer of a group that does not exist is given the settings of a new group.',
    level: 'SHOULD', needs, source: 'GrpcClientSettingsManager#updateClientSettings',
    async run(t) {
      const group = t.groupName();
      t.forgetGroup(group);
      const settings = await consumerSettings(t, group);
      equal([settings.backoff_policy?.max_attempts, settings.subscription?.receive_batch_size], [17, 32], 'max_attempts, receive_batch_size');
    },
  },
  {
    name: 'grpc.telemetry.two-clients',
    requirement: 'Each client gets the answer to its own settings.',
    level: 'MUST', needs, source: 'GrpcChannelManager',
    async run(t) {
      const [one, two] = [await topicOf(t), await topicOf(t)];
      const [a, b] = [await grpcClient(t), await grpcClient(t)];
      const answers = await Promise.all([a, b].map((client, i) => client.telemetry().settings({ client_type: ClientType.PRODUCER, publishing: { topics: [{ name: i === 0 ? one : two }] } })));
      equal(answers.map((answer) => answer.publishing?.topics?.[0]?.name), [one, two], 'topics');
    },
  },
  {
    name: 'grpc.telemetry.answers-status-ok',
    requirement: 'The answer to settings carries the status OK.',
    level: 'MUST', needs, source: 'ClientActivity#processClientSettings',
    async run(t) {
      const stream = (await grpcClient(t)).telemetry();
      stream.send({ settings: { client_type: ClientType.PRODUCER, publishing: { topics: [{ name: await topicOf(t) }] } } });
      const command = decode('TelemetryCommand', await stream.stream.next());
      statusIs(command.status, Code.OK, 'Telemetry');
      isTrue(command.settings !== undefined, 'settings are there');
    },
  },
]);
