/** The worker of javascript-sandbox.ts: one QuickJS runtime with one filter. Everything the script can reach is made here. */
import { parentPort, workerData } from 'node:worker_threads';
import { newQuickJSWASMModuleFromVariant, type QuickJSContext, type QuickJSHandle, type QuickJSWASMModule } from 'quickjs-emscripten-core';
import type { JavaScriptLimits, WorkerRequest } from './javascript-sandbox.js';
import { shortened, type SandboxReply } from './sandbox.js';

/** Bytes of the script's stack: of QuickJS, which stands on that of WebAssembly. */
const stackBytesMax = 256 * 1024;

/** What QuickJS throws when the interrupt handler says so; a script cannot catch it. */
const interrupted = 'InternalError: interrupted';

/** MessageExt and FilterContext by the names they have in Java; fields and getters both. Runs before the filter's source. */
const prelude = `(() => {
  const utf8 = (bytes) => {
    let text = '';
    for (let i = 0; i < bytes.length;) {
      const lead = bytes[i];
      const size = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
      let point = size === 1 ? lead : lead & (0x7f >> size);
      let at = 1;
      while (at < size && i + at < bytes.length && (bytes[i + at] & 0xc0) === 0x80) point = point << 6 | bytes[i + at++] & 0x3f;
      const right = size > 0 && at === size && !(point >= 0xd800 && point < 0xe000) && point < 0x110000 && !(size === 3 && point < 0x800) && !(size === 4 && point < 0x10000);
      text += right ? String.fromCodePoint(point) : '\\ufffd';
      i += right ? size : Math.max(1, at);
    }
    return text;
  };
  class MessageExt {
    constructor(fields, body) {
      Object.assign(this, fields);
      this.body = new Uint8Array(body);
    }
    get tags() { return this.getProperty('TAGS'); }
    get keys() { return this.getProperty('KEYS'); }
    getBody() { return this.body; }
    getBodyText() { return utf8(this.body); }
    getTags() { return this.tags; }
    getKeys() { return this.keys; }
    getProperty(name) { return Object.hasOwn(this.properties, name) ? this.properties[name] : null; }
    getUserProperty(name) { return this.getProperty(name); }
    getDelayTimeLevel() { return Number(this.getProperty('DELAY') ?? 0); }
  }
  for (const name of ['topic', 'queueId', 'flag', 'queueOffset', 'commitLogOffset', 'sysFlag', 'bornTimestamp', 'bornHost', 'storeTimestamp', 'storeHost',
    'reconsumeTimes', 'preparedTransactionOffset', 'bodyCRC', 'storeSize', 'msgId', 'properties']) {
    MessageExt.prototype['get' + name[0].toUpperCase() + name.slice(1)] = function () { return this[name]; };
  }
  class FilterContext {
    constructor(consumerGroup) { this.consumerGroup = consumerGroup; }
    getConsumerGroup() { return this.consumerGroup; }
  }
  return (match, fields, body, group) => {
    const verdict = match(new MessageExt(JSON.parse(fields), body), new FilterContext(group));
    if (verdict === true || verdict === false) return verdict;
    throw new TypeError('match answered ' + (verdict === null ? 'null' : typeof verdict) + ', not true or false');
  };
})()`;

const limits = workerData as JavaScriptLimits;
const port = parentPort;
if (port === null) throw new Error('this file is a worker');
const say = (reply: SandboxReply | 'open'): void => port.postMessage(reply);

const quickJs: QuickJSWASMModule = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'));
const runtime = quickJs.newRuntime();
runtime.setMemoryLimit(limits.filterMemoryMb * 1024 * 1024);
runtime.setMaxStackSize(stackBytesMax);
let deadlineMs = 0;
runtime.setInterruptHandler(() => Date.now() > deadlineMs);
const context = runtime.newContext();
let filter: { readonly apply: QuickJSHandle; readonly match: QuickJSHandle } | undefined;

function within<T>(timeMs: number, work: () => T): T {
  deadlineMs = Date.now() + timeMs;
  return work();
}

/** Name and message of what was thrown, whatever it was. */
function thrown(of: QuickJSContext, error: QuickJSHandle): string {
  const what: unknown = within<unknown>(100, () => of.dump(error));
  if (typeof what !== 'object' || what === null) return shortened(String(what));
  const { name, message } = what as { name?: unknown; message?: unknown };
  return shortened(`${typeof name === 'string' ? name : 'Error'}: ${typeof message === 'string' ? message : ''}`);
}

function load(className: string, source: string): SandboxReply {
  const made = within(limits.filterCompileTimeoutMs, () => context.evalCode(prelude, 'prelude.js'));
  if (made.error !== undefined) return { kind: 'failed', text: thrown(context, made.error) };
  // The value of the script itself is of no use.
  const ran = within(limits.filterCompileTimeoutMs, () => context.evalCode(source, className, { type: 'global' }));
  if (ran.error !== undefined) return { kind: 'failed', text: thrown(context, ran.error) };
  ran.value.dispose();
  const match = within(limits.filterMatchTimeoutMs, () => context.evalCode("typeof match === 'function' ? match : undefined", className));
  if (match.error !== undefined) return { kind: 'failed', text: thrown(context, match.error) };
  if (context.typeof(match.value) !== 'function') return { kind: 'failed', text: `${className} declares no function match(msg, context)` };
  filter = { apply: made.value, match: match.value };
  return { kind: 'loaded' };
}

function judge(consumerGroup: string, fields: string, body: Uint8Array): SandboxReply {
  if (filter === undefined) return { kind: 'threw', text: 'no filter is loaded' };
  const { apply, match } = filter;
  const args = [match, context.newString(fields), context.newArrayBuffer(body.buffer), context.newString(consumerGroup)];
  try {
    const result = within(limits.filterMatchTimeoutMs, () => context.callFunction(apply, context.undefined, ...args));
    if (result.error !== undefined) {
      const text = thrown(context, result.error);
      result.error.dispose();
      return text === interrupted ? { kind: 'late' } : { kind: 'threw', text };
    }
    const matched = context.dump(result.value) === true;
    result.value.dispose();
    return { kind: 'verdict', matched };
  } finally {
    for (const arg of args.slice(1)) arg.dispose();
  }
}

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'load') say(load(request.className, request.source));
  else say(judge(request.consumerGroup, JSON.stringify(request.message), request.body));
});
say('open');
