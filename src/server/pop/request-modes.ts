/**
 * Whether a group pulls or pops a topic, as operators set it, and config/messageRequestMode.json (`MessageRequestModeManager`); and the requests that set
 * and show it.
 */
import { intOf, isMap, mapOf, textOf } from '../../codec/json-members.js';
import { responseCodes } from '../../codec/responses.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut } from '../../compat/fastjson.js';
import type { Handler } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { fileCharsMax, TurnSavedFile } from '../broker/config-file.js';
import { retryPrefix, shown } from '../broker/topic-names.js';
import type { BrokerContext } from '../broker/types.js';
import { refusal } from './parts.js';

export type RequestMode = 'PULL' | 'POP';

/** `SetMessageRequestModeRequestBody`. */
export interface ModeSetting {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly mode: RequestMode;
  /** Clients that share a queue; 0 and less: all. */
  readonly popShareQueueNum: number;
}

/** Characters of a request's body. */
const bodyCharsMax = 64 * 1024;

/** Settings kept: each names a topic and a group that exist. */
const settingsMax = 100_000;

export interface RequestModes {
  load(): void;
  close(): Promise<void>;
  /** What was set, or the default (`QueryAssignmentProcessor#queryAssignment`). */
  of(topic: string, group: string): ModeSetting;
  readonly handlers: {
    readonly SET_MESSAGE_REQUEST_MODE: Handler<'SET_MESSAGE_REQUEST_MODE'>;
    readonly GET_ALL_MESSAGE_REQUEST_MODE: Handler<'GET_ALL_MESSAGE_REQUEST_MODE'>;
  };
}

function readSetting(map: JsonMap): ModeSetting | undefined {
  const topic = textOf(map, 'topic');
  const consumerGroup = textOf(map, 'consumerGroup');
  if (topic === undefined || consumerGroup === undefined) return undefined;
  return { topic, consumerGroup, mode: textOf(map, 'mode') === 'POP' ? 'POP' : 'PULL', popShareQueueNum: intOf(map, 'popShareQueueNum', 0) };
}

/** The body of a request as an object; throws SYSTEM_ERROR. */
export function jsonBody(name: string, body: Buffer): JsonMap {
  let value: unknown;
  try {
    value = readJson(body.toString('utf8'), bodyCharsMax);
  } catch (error) {
    throw refusal(responseCodes.SYSTEM_ERROR, `${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw refusal(responseCodes.SYSTEM_ERROR, `${name}: expected an object`);
  return value;
}

export function createRequestModes(ctx: BrokerContext, disk: Disk): RequestModes {
  /** topic -> group. */
  const table = new Map<string, Map<string, ModeSetting>>();
  let count = 0;
  const file = new TurnSavedFile({
    disk, clock: ctx.clock, log: ctx.log, turn: ctx.turn,
    path: `${ctx.config.storePathConfigDir}/messageRequestMode.json`,
    encode: () => encode(true),
  });
  let used = false;

  function encode(pretty: boolean): string {
    const out = new Map<string, JsonOut>();
    for (const [topic, groups] of table) out.set(topic, new Map([...groups].map(([group, setting]) => [group, { ...setting }])));
    return writeJson({ messageRequestModeMap: out }, pretty);
  }

  function set(setting: ModeSetting): void {
    let groups = table.get(setting.topic);
    if (groups === undefined) table.set(setting.topic, (groups = new Map<string, ModeSetting>()));
    if (!groups.has(setting.consumerGroup)) count++;
    groups.set(setting.consumerGroup, setting);
    used = true;
  }

  return {
    load() {
      file.load((text) => {
        const root = readJson(text, fileCharsMax);
        if (!isMap(root)) throw new TypeError('messageRequestMode.json is no object');
        for (const [topic, groups] of mapOf(root, 'messageRequestModeMap')) {
          if (typeof topic !== 'string' || !isMap(groups)) continue;
          for (const [group, bean] of groups) {
            const setting = isMap(bean) ? readSetting(bean) : undefined;
            if (typeof group === 'string' && setting !== undefined) set({ ...setting, topic, consumerGroup: group });
          }
        }
      });
    },
    async close() {
      if (used) await file.close();
    },
    of(topic, group) {
      const setting = table.get(topic)?.get(group);
      if (setting !== undefined) return setting;
      // Retry topics are pulled.
      const mode = topic.startsWith(retryPrefix) ? 'PULL' : ctx.config.defaultMessageRequestMode;
      return { topic, consumerGroup: group, mode, popShareQueueNum: mode === 'POP' ? ctx.config.defaultPopShareQueueNum : 0 };
    },
    handlers: {
      async SET_MESSAGE_REQUEST_MODE(_call, _header, body) {
        const setting = readSetting(jsonBody('SetMessageRequestModeRequestBody', body));
        if (setting === undefined) throw refusal(responseCodes.SYSTEM_ERROR, 'SetMessageRequestModeRequestBody: topic or consumerGroup is missing');
        if (setting.topic.startsWith(retryPrefix)) throw refusal(responseCodes.NO_PERMISSION, 'retry topic is not allowed to set mode');
        if (ctx.topics.get(setting.topic) === undefined) throw refusal(responseCodes.TOPIC_NOT_EXIST, `topic[${shown(setting.topic)}] not exist`);
        if (ctx.groups.find(setting.consumerGroup) === undefined) {
          throw refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, 'subscription group does not exist');
        }
        if (count >= settingsMax && table.get(setting.topic)?.has(setting.consumerGroup) !== true) {
          throw refusal(responseCodes.SYSTEM_ERROR, `message request modes of this broker: at most ${settingsMax} are allowed`);
        }
        set(setting);
        file.changed();
        await file.demandSaved();
        return { code: responseCodes.SUCCESS };
      },
      GET_ALL_MESSAGE_REQUEST_MODE() {
        return { code: responseCodes.SUCCESS, body: Buffer.from(encode(false), 'utf8') };
      },
    },
  };
}
