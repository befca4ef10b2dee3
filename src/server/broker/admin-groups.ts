/** Consumer groups: create, change, delete, list, forbid. The table is groups.ts. */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { Handlers } from '../../remoting/types.js';
import { checkGroupName, checkTopicName, jsonReply, pageOf, requiredList, success } from './admin.js';
import type { AdminParts } from './admin.js';
import { knowsVersion } from './admin-topics.js';
import { alterAttributes, groupAttributes } from './attributes.js';
import { groupBean, groupConfigFault, readGroupConfig } from './groups.js';
import { readBody } from './heartbeat.js';
import { isMap } from '../../codec/json-members.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { GroupConfig } from './types.js';

/** `PermName#INDEX_PERM_READ`: the bit of the forbidden table that stands for pulling. */
export const forbiddenReadBit = 2;

type GroupHandlers = Pick<Handlers,
  | 'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP' | 'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST' | 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG'
  | 'DELETE_SUBSCRIPTIONGROUP' | 'GET_SUBSCRIPTIONGROUP_CONFIG' | 'UPDATE_AND_GET_GROUP_FORBIDDEN'>;

export function createGroupHandlers(parts: AdminParts): GroupHandlers {
  const { ctx, groups, offsets, statistics } = parts;

  /** Checks a wanted configuration whose attributes are signed changes; returns the one to store. */
  const resolve = (wanted: GroupConfig | undefined): GroupConfig => {
    checkGroupName(wanted?.groupName);
    if (wanted === undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, 'The specified group is blank.');
    const fault = groupConfigFault(wanted);
    if (fault !== undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, fault);
    return { ...wanted, attributes: alterAttributes(groupAttributes, groups.get(wanted.groupName)?.attributes, wanted.attributes) };
  };

  return {
    async UPDATE_AND_CREATE_SUBSCRIPTIONGROUP(_request, _header, body) {
      if (body.length > 0) groups.update(resolve(readGroupConfig(readBody(body, 'SubscriptionGroupConfig'))));
      await groups.demandSaved();
      return success;
    },

    async UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST(_request, _header, body) {
      const configs = requiredList(readBody(body, 'SubscriptionGroupList'), 'groupConfigList');
      groups.updateAll(configs.map((bean) => resolve(isMap(bean) ? readGroupConfig(bean) : undefined)));
      await groups.demandSaved();
      return success;
    },

    GET_ALL_SUBSCRIPTIONGROUP_CONFIG(_request, header) {
      const { groupSeq, dataVersion, maxGroupNum } = header;
      let configs = [...groups.all()];
      const total = configs.length;
      const asked = groupSeq !== undefined || dataVersion !== undefined || maxGroupNum !== undefined;
      const paged = asked && ctx.config.enableSplitMetadata;
      if (paged) {
        const seq = knowsVersion(dataVersion, groups.dataVersion) ? (groupSeq ?? 0) : 0;
        configs = [...pageOf(configs, (config) => config.groupName, seq, Math.min(ctx.config.splitMetadataSize, maxGroupNum ?? Number.MAX_SAFE_INTEGER))];
      }
      const names = new Set(configs.map((config) => config.groupName));
      return {
        ...jsonReply({
          dataVersion: { ...groups.dataVersion },
          forbiddenTable: groups.forbiddenTable(paged ? names : undefined),
          subscriptionGroupTable: new Map<string, JsonOut>(configs.map((config) => [config.groupName, groupBean(config)])),
        }),
        header: { totalGroupNum: total },
      };
    },

    async DELETE_SUBSCRIPTIONGROUP(_request, header) {
      const { groupName } = header;
      groups.delete(groupName);
      groups.demandWritten();
      if (header.cleanOffset) offsets.removeGroup(groupName);
      statistics.groupRemoved(groupName);
      await groups.demandSaved();
      return success;
    },

    GET_SUBSCRIPTIONGROUP_CONFIG(_request, header) {
      const config = groups.find(header.group);
      if (config === undefined) throw new Refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, 'No group in this broker');
      return jsonReply(groupBean(config));
    },

    async UPDATE_AND_GET_GROUP_FORBIDDEN(_request, header) {
      const { group, topic, readable } = header;
      if (readable !== undefined) {
        checkGroupName(group);
        checkTopicName(topic);
        groups.setForbidden(group, topic, forbiddenReadBit, !readable);
        await groups.demandSaved();
      }
      return { ...jsonReply({ group, readable: !groups.forbidden(group, topic, forbiddenReadBit), topic }), remark: '' };
    },
  };
}
