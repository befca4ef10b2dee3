/**
 * The gRPC service apache.rocketmq.v2.MessagingService, composed: each method of the table to the function that serves it, and what each kind of
 * error becomes. It owns no socket: node.ts gives its handlers to a GrpcServer.
 */
import { grpcCode, grpcMethods, grpcServicePath, type GrpcMethodName, type Status as StatusMessage } from '../../codec/grpc-messages.js';
import type { MessageType, Partly, Value } from '../../codec/protobuf.js';
import { grpcPrefixBytes, grpcStatus, type GrpcCall, type GrpcHandler, type GrpcPeer } from '../../remoting/grpc.js';
import type { Clock, Log } from '../../remoting/types.js';
import type { Brokers } from './brokers.js';
import { ProxyClients } from './clients.js';
import type { ProxyCall, ProxyParts } from './context.js';
import { liteClientGone, syncLiteSubscription } from './lite.js';
import { LocalPeer } from './peer.js';
import { finishReceive, Receiver } from './receive.js';
import { TelemetryRelay } from './relay.js';
import { Renewals } from './renewals.js';
import { queryAssignment, queryRoute } from './route.js';
import { Sender } from './send.js';
import { heartbeat, notifyClientTermination, takeSettings } from './settings.js';
import { Settler } from './settle.js';
import { GrpcRefusal, statusOfError, type Status } from './status.js';
import { endTransaction, TransactionTable } from './transactions.js';

export interface ProxyOptions {
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly log: Log;
  /** Peers have more to take than they should. */
  readonly crowded: () => boolean;
}

export interface Proxy {
  readonly handlers: ReadonlyMap<string, GrpcHandler>;
  /** What it remembers, for the metrics. */
  readonly sizes: () => { readonly clients: number; readonly halfMessages: number; readonly renewals: number };
  stop(): void;
}

type RequestOf<M extends GrpcMethodName> = Value<(typeof grpcMethods)[M]['request']>;
type AnswerOf<M extends GrpcMethodName> = Partly<Value<(typeof grpcMethods)[M]['answer']>>;
type Unary = Exclude<GrpcMethodName, 'ReceiveMessage' | 'Telemetry'>;
type UnaryTable = { readonly [M in Unary]: (call: ProxyCall, request: RequestOf<M>) => Promise<AnswerOf<M>> };

const clientIdCharsMax = 255;

export function createProxy(options: ProxyOptions): Proxy {
  const { clock, log } = options;
  const transactions = new TransactionTable();
  const relay = new TelemetryRelay(clock, transactions);
  const { brokers } = options;
  const parts: ProxyParts = { brokers, ask: brokers.ask, clients: new ProxyClients(relay, (client) => liteClientGone(parts, client)), clock, log, crowded: options.crowded };
  const renewals = new Renewals(clock, (client, { topic, group, liteTopic }, handle, invisibleMs) => settler.change({ peer: client.peer, language: 'JAVA' }, topic, group, handle, invisibleMs, { liteTopic }));
  const settler: Settler = new Settler(parts, renewals);
  const receiver = new Receiver(parts, settler, renewals);
  const sender = new Sender(parts, transactions);

  const unary: UnaryTable = {
    QueryRoute: (call, request) => queryRoute(parts, call, request),
    Heartbeat: (call, request) => heartbeat(parts, call, request),
    SendMessage: (call, request) => sender.sendMessage(call, request),
    QueryAssignment: (call, request) => queryAssignment(parts, call, request),
    AckMessage: (call, request) => settler.ackMessage(call, request),
    ForwardMessageToDeadLetterQueue: (call, request) => settler.forwardToDeadLetterQueue(call, request),
    EndTransaction: (call, request) => endTransaction(parts, transactions, call, request),
    NotifyClientTermination: (call, request) => notifyClientTermination(parts, call, request),
    ChangeInvisibleDuration: (call, request) => settler.changeInvisibleDuration(call, request),
    RecallMessage: (call, request) => sender.recallMessage(call, request),
    SyncLiteSubscription: (call, request) => syncLiteSubscription(parts, call, request),
  };

  /** Callers whose settings are not known ask the broker as their connection. */
  const strangers = new WeakMap<GrpcPeer, LocalPeer>();
  const strangerOn = (peer: GrpcPeer): LocalPeer => {
    let stranger = strangers.get(peer);
    if (stranger === undefined) strangers.set(peer, (stranger = new LocalPeer(peer)));
    return stranger;
  };

  /** One call with the metadata that every method needs. @throws GrpcRefusal CLIENT_ID_REQUIRED. */
  const callOf = (call: GrpcCall): ProxyCall => {
    const text = (name: string): string => {
      const value = call.headers[name];
      return typeof value === 'string' ? value : '';
    };
    const clientId = text('x-mq-client-id');
    if (clientId.trim() === '') throw new GrpcRefusal(grpcCode.CLIENT_ID_REQUIRED, 'client id cannot be empty');
    if (clientId.length > clientIdCharsMax) throw new GrpcRefusal(grpcCode.BAD_REQUEST, `client id has ${clientId.length} characters, at most ${clientIdCharsMax} are allowed`);
    const client = parts.clients.get(clientId);
    return { call, clientId, language: text('x-mq-language'), version: text('x-mq-client-version'), client, peer: client?.peer ?? strangerOn(call.peer) };
  };

  /** The status of any error: a refusal's own, or that of a defect, which is logged. */
  const failed = (method: string, error: unknown): Status => {
    const known = statusOfError(error);
    if (known !== undefined) return known;
    log.error({ method, error: error instanceof Error ? error.stack : String(error) }, 'gRPC method failed');
    return { code: grpcCode.INTERNAL_SERVER_ERROR, message: error instanceof Error ? `${error.name}: ${error.message}` : 'Error' };
  };

  const unaryHandler = <M extends Unary>(method: M): GrpcHandler => {
    const request = grpcMethods[method].request as MessageType<RequestOf<M>>;
    const answer = grpcMethods[method].answer as MessageType<{ readonly status: Value<typeof StatusMessage> | undefined }>;
    const serve: (call: ProxyCall, request: RequestOf<M>) => Promise<AnswerOf<M>> = unary[method];
    const run = async (call: GrpcCall, message: Buffer): Promise<void> => {
      let reply: Partly<{ readonly status: Value<typeof StatusMessage> | undefined }>;
      const value = request.decode(message);
      try {
        reply = await serve(callOf(call), value);
      } catch (error) {
        reply = { status: failed(method, error) };
      }
      call.send(answer.encode(reply, grpcPrefixBytes));
      call.end();
    };
    return { kind: 'unary', call: (call, message) => settle(run(call, message), call, log) };
  };

  const receive: GrpcHandler = {
    kind: 'unary',
    call: (call, message) => {
      const run = async (): Promise<void> => {
        const request = grpcMethods.ReceiveMessage.request.decode(message);
        try {
          // A peer of the call's own: when the caller goes, nothing more is popped for it.
          const peer = new LocalPeer(call.peer);
          call.onClose(() => peer.close());
          await receiver.receiveMessage({ ...callOf(call), peer }, request);
        } catch (error) {
          finishReceive(call, clock.nowMs(), failed('ReceiveMessage', error));
        }
      };
      settle(run(), call, log);
    },
  };

  const telemetry: GrpcHandler = {
    kind: 'streaming',
    open: (call) => ({
      message: (message) => settle(takeCommand(parts, relay, call, callOf, grpcMethods.Telemetry.request.decode(message)), call, log),
      halfClosed: () => call.end(),
    }),
  };

  const handlers = new Map<string, GrpcHandler>(Object.keys(unary).map((name) => [grpcServicePath + name, unaryHandler(name as Unary)]));
  handlers.set(`${grpcServicePath}ReceiveMessage`, receive).set(`${grpcServicePath}Telemetry`, telemetry);
  return {
    handlers,
    sizes: () => ({ clients: parts.clients.size, halfMessages: transactions.size, renewals: renewals.size }),
    stop() {
      renewals.stop();
      parts.clients.closeAll();
    },
  };
}

/** A command of a client on its Telemetry stream (`ClientActivity#telemetry`). */
async function takeCommand(parts: ProxyParts, relay: TelemetryRelay, call: GrpcCall, callOf: (call: GrpcCall) => ProxyCall, command: RequestOf<'Telemetry'>): Promise<void> {
  const answer = (reply: AnswerOf<'Telemetry'>): void => call.send(grpcMethods.Telemetry.answer.encode(reply, grpcPrefixBytes));
  let from: ProxyCall;
  try {
    from = callOf(call);
  } catch (error) {
    const status = statusOfError(error);
    if (status === undefined) throw error;
    answer({ status });
    call.end();
    return;
  }
  if (command.settings === undefined) {
    relay.answered(from.clientId, command);
    return;
  }
  if (command.settings.publishing === undefined && command.settings.subscription === undefined) {
    call.end(grpcStatus.INVALID_ARGUMENT, 'there is no publishing or subscription data in settings');
    return;
  }
  try {
    const settings = await takeSettings(parts, from, command.settings);
    answer({ status: { code: grpcCode.OK, message: 'OK' }, settings });
  } catch (error) {
    const clientsFault = error instanceof GrpcRefusal && error.code >= grpcCode.BAD_REQUEST && error.code < grpcCode.INTERNAL_ERROR;
    call.end(clientsFault ? grpcStatus.INVALID_ARGUMENT : grpcStatus.INTERNAL, `process client telemetryCommand failed. ${error instanceof Error ? error.message : ''}`);
  }
}

/** Whatever is left of an error ends the call, never the process. */
function settle(work: Promise<void>, call: GrpcCall, log: Log): void {
  work.catch((error: unknown) => {
    log.debug({ error: error instanceof Error ? error.message : String(error) }, 'gRPC call failed');
    call.end(grpcStatus.INTERNAL, error instanceof Error ? error.message : 'Error');
  });
}
