/** GET_NAMESRV_CONFIG and UPDATE_NAMESRV_CONFIG: what is shown, and the few keys that may change while it runs. */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import type { NamesrvConfig } from '../config-types.js';
import { demand, shown } from './limits.js';

/** Always black-listed, whatever configBlackList says (`DefaultRequestProcessor#initConfigBlackList`). */
const alwaysBlack = ['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome'];

/** Keys that are read at each use, and so may change at run time. */
const changeable = {
  orderMessageEnable: 'boolean',
  returnOrderTopicConfigToBroker: 'boolean',
  supportActingMaster: 'boolean',
  enableAllTopicList: 'boolean',
  enableTopicList: 'boolean',
  notifyMinBrokerIdChanged: 'boolean',
  needWaitForService: 'boolean',
  waitSecondsForService: 'seconds',
  deleteTopicWithBrokerRegistration: 'boolean',
} as const satisfies Partial<Record<keyof NamesrvConfig, 'boolean' | 'seconds'>>;

type Changeable = keyof typeof changeable;

function isChangeable(key: string): key is Changeable {
  return Object.hasOwn(changeable, key);
}

/** All keys in properties form, sorted. */
export function configText(config: NamesrvConfig): string {
  const values = config as unknown as Readonly<Record<string, string | number | boolean>>;
  return Object.keys(values).sort().map((key) => `${key}=${String(values[key])}\n`).join('');
}

/**
 * Applies changes, all or none. A black-listed key is NO_PERMISSION in Apache's words; one that cannot change at run time, or a value out of
 * range, is INVALID_PARAMETER naming it (Apache ignores those and says SUCCESS).
 */
export function updateConfig(config: NamesrvConfig, changes: Iterable<readonly [string, string]>): void {
  const black = new Set([...alwaysBlack, ...config.configBlackList.split(';')]);
  const list = [...changes];
  for (const [key] of list) if (black.has(key)) throw new Refusal(responseCodes.NO_PERMISSION, 'Can not update config in black list.');
  const values: Partial<Record<Changeable, boolean | number>> = {};
  for (const [key, text] of list) {
    if (!isChangeable(key)) {
      demand(`config ${JSON.stringify(shown(key))} cannot change at run time; these can: ${Object.keys(changeable).join(', ')}`);
      continue;
    }
    if (changeable[key] === 'boolean') {
      const value = text.trim().toLowerCase();
      demand(value === 'true' || value === 'false' ? undefined : `config ${key} is true or false, not ${JSON.stringify(shown(text))}`);
      values[key] = value === 'true';
    } else {
      demand(/^\d{1,5}$/.test(text.trim()) && Number(text) <= 86400 ? undefined : `config ${key} is 0..86400 seconds, not ${JSON.stringify(shown(text))}`);
      values[key] = Number(text);
    }
  }
  Object.assign(config, values);
}
