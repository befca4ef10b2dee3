// Trace records: what the clients' trace hooks write into the trace topic, several of them in the body of one message (`TraceDataEncoder`;
// internal/trace.go of the Go client). Text; a record ends with 0x02, its fields are separated by 0x01. Fields in brackets came with later clients.
//
//   Pub            | time | region | group | topic | msgId | tags | keys | storeHost | bodyLength | costMs | msgType | [offsetMsgId] | success | [clientHost]
//   SubBefore      | time | region | group | requestId | msgId | retryTimes | keys | [clientHost]
//   SubAfter       | requestId | msgId | costMs | success | keys | [contextCode] | [time | group]
//   EndTransaction | time | region | group | topic | msgId | tags | keys | storeHost | msgType | transactionId | state | fromCheck
//   Recall         | time | region | group | topic | msgId | success

const recordEnd = '\u0002';
const fieldEnd = '\u0001';

/** `MessageType`, by ordinal. */
const messageTypes = ['Normal_Msg', 'Trans_Msg_Half', 'Trans_msg_Commit', 'Delay_Msg', 'Order_Msg'] as const;

/** `ConsumeReturnType`, by ordinal. */
const consumeReturns = ['SUCCESS', 'TIME_OUT', 'EXCEPTION', 'RETURNNULL', 'FAILED'] as const;

/** One record; a field that the client did not write, or wrote as `null`, is undefined. Times are milliseconds since 1970. */
export interface TraceRecord {
  readonly kind: 'Pub' | 'SubBefore' | 'SubAfter' | 'EndTransaction' | 'Recall';
  readonly msgId: string;
  readonly timeMs?: number | undefined;
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  readonly tags?: string | undefined;
  readonly keys?: string | undefined;
  readonly storeHost?: string | undefined;
  readonly clientHost?: string | undefined;
  readonly bodyBytes?: number | undefined;
  readonly costMs?: number | undefined;
  readonly messageType?: string | undefined;
  readonly offsetMsgId?: string | undefined;
  readonly success?: boolean | undefined;
  readonly requestId?: string | undefined;
  readonly retryTimes?: number | undefined;
  readonly returned?: string | undefined;
  readonly transactionId?: string | undefined;
  readonly transactionState?: string | undefined;
  readonly fromCheck?: boolean | undefined;
}

function text(field: string | undefined): string | undefined {
  return field === undefined || field === '' || field === 'null' ? undefined : field;
}

function int(field: string | undefined): number | undefined {
  const value = Number(field);
  return field !== undefined && /^-?\d{1,15}$/.test(field) && Number.isSafeInteger(value) ? value : undefined;
}

function bool(field: string | undefined): boolean | undefined {
  return field === undefined || field === '' ? undefined : field.toLowerCase() === 'true';
}

function named(names: readonly string[], field: string | undefined): string | undefined {
  const ordinal = int(field);
  return ordinal === undefined ? undefined : (names[ordinal] ?? String(ordinal));
}

type Reader = (f: readonly string[]) => Omit<TraceRecord, 'kind' | 'msgId'> & { readonly msgId: string | undefined };

const readers: Readonly<Record<TraceRecord['kind'], Reader>> = {
  Pub(f) {
    // With 13 fields the success follows the type at once, later an offsetMsgId stands between, and then a clientHost behind.
    const hasOffsetId = f.length >= 14;
    return {
      timeMs: int(f[1]), group: text(f[3]), topic: text(f[4]), msgId: text(f[5]), tags: text(f[6]), keys: text(f[7]), storeHost: text(f[8]), bodyBytes: int(f[9]),
      costMs: int(f[10]), messageType: named(messageTypes, f[11]), offsetMsgId: hasOffsetId ? text(f[12]) : undefined, success: bool(f[hasOffsetId ? 13 : 12]),
      clientHost: text(f[14]),
    };
  },
  SubBefore: (f) => ({ timeMs: int(f[1]), group: text(f[3]), requestId: text(f[4]), msgId: text(f[5]), retryTimes: int(f[6]), keys: text(f[7]), clientHost: text(f[8]) }),
  SubAfter: (f) => ({
    requestId: text(f[1]), msgId: text(f[2]), costMs: int(f[3]), success: bool(f[4]), keys: text(f[5]), returned: named(consumeReturns, f[6]), timeMs: int(f[7]),
    group: text(f[8]),
  }),
  EndTransaction: (f) => ({
    timeMs: int(f[1]), group: text(f[3]), topic: text(f[4]), msgId: text(f[5]), tags: text(f[6]), keys: text(f[7]), storeHost: text(f[8]),
    messageType: named(messageTypes, f[9]), transactionId: text(f[10]), transactionState: text(f[11]), fromCheck: bool(f[12]),
  }),
  Recall: (f) => ({ timeMs: int(f[1]), group: text(f[3]), topic: text(f[4]), msgId: text(f[5]), success: bool(f[6]) }),
};

/** The records of a trace message's body. What is none of them, or names no message, is left out: anybody may write to that topic. */
export function readTraceRecords(body: Uint8Array): TraceRecord[] {
  const records: TraceRecord[] = [];
  for (const line of Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8').split(recordEnd)) {
    const fields = line.split(fieldEnd);
    const kind = fields[0] as TraceRecord['kind'];
    if (!Object.hasOwn(readers, kind)) continue;
    const { msgId, ...rest } = readers[kind](fields);
    if (msgId !== undefined) records.push({ kind, msgId, ...rest });
  }
  return records;
}
