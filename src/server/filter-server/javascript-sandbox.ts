/**
 * A filter in JavaScript: QuickJS, compiled to WebAssembly, in a worker thread of its own. The script sees the language and what javascript-worker.ts
 * gives it, nothing of Node. Its memory is bounded by QuickJS; time is bounded twice: QuickJS interrupts itself, and the worker can be ended from here.
 */
import { Worker } from 'node:worker_threads';
import type { DecodedMessage } from '../../codec/stored-message.js';
import type { OpenSandbox, SandboxReply } from './sandbox.js';

export interface JavaScriptLimits {
  readonly filterMemoryMb: number;
  readonly filterMatchTimeoutMs: number;
  readonly filterCompileTimeoutMs: number;
}

/** To the worker. */
export type WorkerRequest =
  | { readonly kind: 'load'; readonly className: string; readonly source: string }
  | { readonly kind: 'match'; readonly consumerGroup: string; readonly message: MessageFields; readonly body: Uint8Array };

/** Fields of MessageExt under the names of its getters; int64 fields as numbers, which are exact up to 2^53. */
export interface MessageFields {
  readonly topic: string;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: string;
  readonly storeTimestamp: number;
  readonly storeHost: string;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly bodyCRC: number;
  readonly storeSize: number;
  readonly msgId: string;
  readonly properties: Readonly<Record<string, string>>;
}

export function messageFields(message: DecodedMessage): MessageFields {
  return {
    topic: message.topic, queueId: message.queueId, flag: message.flag, queueOffset: message.queueOffset, commitLogOffset: message.phyOffset,
    sysFlag: message.sysFlag, bornTimestamp: message.bornTimestamp, bornHost: message.bornHost, storeTimestamp: message.storeTimestamp,
    storeHost: message.storeHost, reconsumeTimes: message.reconsumeTimes, preparedTransactionOffset: message.preparedTransactionOffset,
    bodyCRC: message.bodyCrc, storeSize: message.storeSize,
    // As MessageClientExt#getMsgId: the client's own id where there is one.
    msgId: message.properties.get('UNIQ_KEY') ?? message.msgId,
    properties: Object.fromEntries(message.properties),
  };
}

/** Opens workers with these limits. */
export function javaScriptSandboxes(limits: JavaScriptLimits): OpenSandbox {
  return (events) => new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./javascript-worker.js', import.meta.url), {
      workerData: limits, env: {}, stdin: false, stdout: true, stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    worker.unref();
    let open = false;
    let why = 'the JavaScript filter ended';
    const gone = new Promise<void>((done) => {
      worker.once('exit', () => {
        if (open) events.gone(why);
        else reject(new Error(why));
        done();
      });
    });
    worker.on('error', (error) => {
      why = `the JavaScript filter ended: ${error instanceof Error ? error.message : String(error)}`;
    });
    worker.on('message', (reply: SandboxReply | 'open') => {
      if (reply !== 'open') {
        events.reply(reply);
        return;
      }
      open = true;
      const send = (request: WorkerRequest): void => worker.postMessage(request);
      resolve({
        load: (className, source) => send({ kind: 'load', className, source }),
        match: (consumerGroup, message) => send({ kind: 'match', consumerGroup, message: messageFields(message), body: new Uint8Array(message.body) }),
        async kill() {
          await worker.terminate();
          await gone;
        },
      });
    });
  });
}
