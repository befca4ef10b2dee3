/**
 * QUERY_MESSAGE and VIEW_MESSAGE_BY_ID: messages by key, unique key, tag or position (`QueryMessageProcessor`). The index that finds them
 * is the store's; hash collisions are left to the client, which compares the keys.
 */
import { responseCodes } from '../../codec/responses.js';
import { readRecord, RecordView } from '../../codec/message-record.js';
import type { Handler } from '../../remoting/types.js';
import { parseJavaBoolean } from '../../compat/java-number.js';
import { clampInt64 } from './pull.js';
import type { BrokerContext } from './types.js';

/** `MessageConst#INDEX_KEY_TYPE`, `#INDEX_UNIQUE_TYPE`. */
const indexType = { KEY: 'K', UNIQUE: 'U' } as const;

/** How often the end of the time range moves back when entries were found but no message (`DefaultMessageStore#queryMessage`). */
const roundsMax = 3;

/** Bytes of messages in one answer, below the 16 MiB a peer's frame decoder takes: what is beyond is left out. */
const answerBytesMax = 16 * 1024 * 1024 - 64 * 1024;

export interface MessageQuery {
  readonly handlers: {
    readonly QUERY_MESSAGE: Handler<'QUERY_MESSAGE'>;
    readonly VIEW_MESSAGE_BY_ID: Handler<'VIEW_MESSAGE_BY_ID'>;
  };
}

export function createMessageQuery(ctx: BrokerContext): MessageQuery {
  const view = new RecordView();

  async function records(phyOffsets: readonly number[]): Promise<{ found: Buffer[]; bytes: number; firstStoreTime: number | undefined }> {
    const found: Buffer[] = [];
    let bytes = 0;
    let firstStoreTime: number | undefined;
    for (const [i, phyOffset] of [...phyOffsets].sort((a, b) => a - b).entries()) {
      const record = await ctx.store.record(phyOffset);
      if (record === undefined) continue;
      if (i === 0 && readRecord(view, record, 0, record.length) === 'record') firstStoreTime = view.storeTimestamp;
      if (bytes + record.length > answerBytesMax && found.length > 0) break;
      found.push(record);
      bytes += record.length;
    }
    return { found, bytes, firstStoreTime };
  }

  return {
    handlers: {
      async QUERY_MESSAGE(call, header) {
        const unique = parseJavaBoolean(call.command.ext.get('_UNIQUE_KEY_QUERY') ?? '');
        const type = unique ? indexType.UNIQUE : header.indexType === undefined || header.indexType === '' ? indexType.KEY : header.indexType;
        const maxNum = unique ? ctx.config.defaultQueryMaxNum : header.maxNum;
        if (maxNum < 0) return { code: responseCodes.SYSTEM_ERROR, remark: `maxNum is ${maxNum}, must be 0 or more` };
        const beginMs = clampInt64(header.beginTimestamp);
        let endMs = clampInt64(header.endTimestamp);
        let updated = { indexLastUpdateTimestamp: 0, indexLastUpdatePhyoffset: 0 };
        for (let round = 0; round < roundsMax; round++) {
          const hits = await ctx.store.queryIndex(header.topic, header.key, maxNum, beginMs, endMs, type);
          if (hits.phyOffsets.length === 0) break;
          updated = { indexLastUpdateTimestamp: hits.indexLastUpdateTimestamp, indexLastUpdatePhyoffset: hits.indexLastUpdatePhyOffset };
          const { found, bytes, firstStoreTime } = await records(hits.phyOffsets);
          if (bytes > 0) return { code: responseCodes.SUCCESS, header: updated, body: found };
          endMs = firstStoreTime ?? endMs;
          if (endMs < beginMs) break;
        }
        return { code: responseCodes.QUERY_NOT_FOUND, remark: 'can not find message, maybe time range not correct', header: updated };
      },

      async VIEW_MESSAGE_BY_ID(_call, header) {
        const valid = header.offset >= 0n && header.offset <= BigInt(Number.MAX_SAFE_INTEGER);
        const record = valid ? await ctx.store.record(Number(header.offset)) : undefined;
        if (record === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: `can not find message by the offset, ${header.offset}` };
        return { code: responseCodes.SUCCESS, body: record };
      },
    },
  };
}
