/** Admin requests about cold reads: thresholds of groups, what was read, and whether the log is read ahead. */
import { readProperties } from '../../compat/properties-file.js';
import { parseJavaInt } from '../../compat/java-number.js';
import { responseCodes } from '../../codec/responses.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { Handlers } from '../../remoting/types.js';
import type { ColdDataControl } from '../flow/cold-data.js';
import { jsonReply, success } from './admin.js';
import { groupNameFault } from './topic-names.js';
import type { BrokerContext } from './types.js';

type ColdHandlers = Pick<Handlers, 'UPDATE_COLD_DATA_FLOW_CTR_CONFIG' | 'REMOVE_COLD_DATA_FLOW_CTR_CONFIG' | 'GET_COLD_DATA_FLOW_CTR_INFO' | 'SET_COMMITLOG_READ_MODE'>;

/** `LibC#MADV_NORMAL`, `MADV_RANDOM`. */
const readModes = { normal: 0, random: 1 } as const;

export function createColdHandlers(ctx: BrokerContext, cold: ColdDataControl): ColdHandlers {
  return {
    UPDATE_COLD_DATA_FLOW_CTR_CONFIG(_request, _header, body) {
      for (const [group, value] of readProperties(body.toString('utf8'))) {
        const threshold = /^[+-]?\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
        // As Apache, what cannot be read is passed over; so is a name that is no group's, and one too many.
        if (!Number.isSafeInteger(threshold) || groupNameFault(group) !== undefined || !cold.setThreshold(group, threshold)) {
          ctx.log.warn({ group: group.slice(0, 128) }, 'a threshold of cold reads is passed over');
        }
      }
      return success;
    },

    REMOVE_COLD_DATA_FLOW_CTR_CONFIG(_request, _header, body) {
      cold.removeThreshold(body.toString('utf8'));
      return success;
    },

    GET_COLD_DATA_FLOW_CTR_INFO() {
      return jsonReply(cold.info() as JsonOut);
    },

    SET_COMMITLOG_READ_MODE(request) {
      if (request.command.ext.size === 0) return { code: responseCodes.SYSTEM_ERROR, remark: 'set commitlog readahead mode param error' };
      const mode = parseJavaInt(request.command.ext.get('READ_AHEAD_MODE') ?? '');
      if (mode === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: 'set commitlog readahead mode failed' };
      if (mode !== readModes.normal && mode !== readModes.random) {
        return { code: responseCodes.INVALID_PARAMETER, remark: 'set commitlog readahead mode param value error' };
      }
      ctx.store.setReadAhead(mode === readModes.normal);
      return { code: responseCodes.SUCCESS, remark: `set commitlog readahead mode success, mode: ${mode}` };
    },
  };
}
