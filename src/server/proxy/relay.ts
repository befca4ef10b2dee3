/**
 * What the broker asks of clients by itself, as commands on their Telemetry streams (`ProxyClientRemotingProcessor`, `GrpcClientChannel`): transaction
 * checks, a message to be consumed now, a stack trace. Answers come back by the nonce of the question.
 */
import { randomUUID } from 'node:crypto';
import { commandFlag, currentVersion, type Command } from '../../codec/command.js';
import { Fault } from '../../codec/errors.js';
import { grpcCode, type TelemetryCommand } from '../../codec/grpc-messages.js';
import type { Value } from '../../codec/protobuf.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { decodeMessages, type DecodedMessage } from '../../codec/stored-message.js';
import { writeJson } from '../../compat/fastjson.js';
import type { Clock, OutgoingRequest, TimerHandle } from '../../remoting/types.js';
import { notConnected, type ProxyClient, type Relay } from './clients.js';
import { messageOf } from './message.js';
import type { TransactionTable } from './transactions.js';

interface Asked {
  readonly client: ProxyClient;
  readonly answer: (command: Value<typeof TelemetryCommand>) => void;
}

/** Questions on their way, of all clients. */
const askedMax = 10_000;

/** `CMResult` by the status of the client's answer (`ClientActivity#buildConsumeMessageDirectlyResult`). */
const resultOf = new Map<number, string>([[grpcCode.OK, 'CR_SUCCESS'], [grpcCode.FAILED_TO_CONSUME_MESSAGE, 'CR_LATER'], [grpcCode.MESSAGE_CORRUPTED, 'CR_RETURN_NULL']]);

function only(body: Buffer | undefined): DecodedMessage | undefined {
  return body === undefined ? undefined : decodeMessages(body).messages[0];
}

function answerOf(code: number, body: Buffer | undefined, remark?: string): Command {
  return { code, language: 'JAVA', version: currentVersion, opaque: 0, flag: commandFlag.response, remark, ext: new Map(), serialize: 'JSON', body: body ?? Buffer.alloc(0) };
}

export class TelemetryRelay implements Relay {
  private readonly clock: Clock;
  private readonly transactions: TransactionTable;
  private readonly asked = new Map<string, Asked>();

  constructor(clock: Clock, transactions: TransactionTable) {
    this.clock = clock;
    this.transactions = transactions;
  }

  notify(client: ProxyClient, request: OutgoingRequest): boolean {
    if (request.code === requests.CHECK_TRANSACTION_STATE.code) return this.check(client, request);
    if (request.code === requests.NOTIFY_UNSUBSCRIBE_LITE.code) return client.tell({ notifyUnsubscribeLiteCommand: { liteTopic: request.ext?.['liteTopic'] ?? '' } });
    // Who else is in the group is nothing to a gRPC client, and an offset is not its to reset.
    return true;
  }

  private check(client: ProxyClient, request: OutgoingRequest): boolean {
    const message = only(request.body);
    const { transactionId, tranStateTableOffset, commitLogOffset } = request.ext ?? {};
    if (message === undefined || transactionId === undefined || !/^\d{1,19}$/.test(tranStateTableOffset ?? '') || !/^\d{1,19}$/.test(commitLogOffset ?? '')) return false;
    const topic = message.properties.get('REAL_TOPIC') ?? message.topic;
    this.transactions.put(topic, transactionId, { broker: request.ext?.['bname'], commitLogOffset: BigInt(commitLogOffset ?? 0), queueOffset: BigInt(tranStateTableOffset ?? 0) });
    return client.tell({ recoverOrphanedTransactionCommand: { message: messageOf({ ...message, topic }, undefined, this.clock.nowMs()), transactionId } });
  }

  call(client: ProxyClient, request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    const nonce = randomUUID();
    if (request.code === requests.CONSUME_MESSAGE_DIRECTLY.code) {
      const message = only(request.body);
      if (message === undefined) return Promise.reject(new Fault('no message to consume'));
      return this.ask(client, nonce, timeoutMs, () => client.tell({ verifyMessageCommand: { nonce, message: messageOf(message, undefined, this.clock.nowMs()) } }), ({ status }) => {
        const consumeResult = resultOf.get(status?.code ?? 0);
        return answerOf(responseCodes.SUCCESS, Buffer.from(writeJson({ ...(consumeResult === undefined ? {} : { consumeResult }), remark: 'from gRPC client', spentTimeMills: 0, order: false, autoCommit: true })), '');
      });
    }
    if (request.code === requests.GET_CONSUMER_RUNNING_INFO.code) {
      return this.ask(client, nonce, timeoutMs, () => client.tell({ printThreadStackTraceCommand: { nonce } }), ({ status, threadStackTrace }) => {
        if (status?.code === grpcCode.OK) {
          return answerOf(responseCodes.SUCCESS, Buffer.from(writeJson({ jstack: threadStackTrace?.threadStackTrace ?? '', mqTable: {}, properties: {}, statusTable: {}, subscriptionSet: [], userConsumerInfo: {} })), '');
        }
        if (status?.code === grpcCode.VERIFY_FIFO_MESSAGE_UNSUPPORTED) return answerOf(responseCodes.NO_PERMISSION, undefined, 'forbidden to verify message');
        return answerOf(responseCodes.SYSTEM_ERROR, undefined, 'verify message failed');
      });
    }
    return Promise.reject(new Fault(`a gRPC client cannot be asked with code ${request.code}`));
  }

  private ask(client: ProxyClient, nonce: string, timeoutMs: number, tell: () => boolean, read: (command: Value<typeof TelemetryCommand>) => Command): Promise<Command> {
    if (this.asked.size >= askedMax) return Promise.reject(new Fault(`${askedMax} questions are on their way to clients`));
    return new Promise((resolve, reject) => {
      const timer: TimerHandle = this.clock.setTimeout(() => {
        this.asked.delete(nonce);
        reject(new Fault(`the client ${client.id} did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.asked.set(nonce, {
        client,
        answer: (command) => {
          timer.clear();
          this.asked.delete(nonce);
          resolve(read(command));
        },
      });
      if (tell()) return;
      timer.clear();
      this.asked.delete(nonce);
      reject(notConnected(client));
    });
  }

  /** A client answers a question; what nobody asked is passed over. */
  answered(clientId: string, command: Value<typeof TelemetryCommand>): void {
    const nonce = command.threadStackTrace?.nonce ?? command.verifyMessageResult?.nonce ?? '';
    const asked = this.asked.get(nonce);
    if (asked?.client.id === clientId) asked.answer(command);
  }
}
