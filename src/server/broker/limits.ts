/**
 * How much clients may have this broker remember, and which names it keeps for them. Apache bounds none of this; every number here is ours,
 * far above what a real cluster shows. Beyond a bound the request is refused and what is there stays. Names that become topics, groups or
 * files are topic-names.ts's, which is stricter.
 */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import { shown } from './topic-names.js';

export const brokerLimits = {
  /** Topics in topics.json: a full registration of that many still fits a frame. */
  topicsMax: 50_000,
  /** Groups in subscriptionGroup.json; each brings a retry topic. */
  groupsMax: 20_000,
  /** Pulls that may wait for messages at once, of all connections: about 540 bytes each, and the texts of their requests. */
  heldPullsMax: 200_000,
  /** Characters of those texts together: a subscription may be as long as a header. */
  heldTextCharsMax: 64 * 1024 * 1024,
  /** Bytes of a heartbeat's or lock request's body. */
  clientBodyBytesMax: 1024 * 1024,
  /** Groups one heartbeat may name, and one connection may be in, of each kind. */
  groupsOfConnectionMax: 1000,
  /** Memberships of connections in groups, of each kind. */
  membershipsMax: 200_000,
  /** What the subscriptions of all live groups may weigh together, in bytes, roughly. */
  subscriptionBytesMax: 128 * 1024 * 1024,
  /** Queues one lock request may name. */
  queuesOfLockMax: 10_000,
  /** Queue locks at once. */
  locksMax: 200_000,
  /** Slots of the timer wheel, Apache's: seven days of seconds, twice. */
  timerWheelSlots: 2 * 7 * 24 * 3600,
  /** Clients with lite topics. */
  liteClientsMax: 100_000,
  /** Lite topics that clients have together, however they said so. */
  liteReferencesMax: 1_000_000,
  /** Characters of a name that lives in memory only: clientId, producer group, broker name of a lock. */
  nameCharsMax: 255,
} as const;

/** The bounds above with other numbers. */
export type BrokerLimits = { readonly [name in keyof typeof brokerLimits]: number };

/** Printable ASCII without blanks, quotes and what parts paths. Host names as broker names have dots, lite topics have `$`. */
export const legalName = /^[!#-&(-.0-[\]-~]+$/;

/** What is wrong with a name that lives in memory only; undefined = nothing. Apache takes anything here. */
export function clientNameFault(what: string, name: string): string | undefined {
  if (name.trim() === '') return `${what} is blank`;
  if (name.length > brokerLimits.nameCharsMax) return `${what} has ${name.length} characters, at most ${brokerLimits.nameCharsMax} are allowed: ${shown(name)}`;
  if (name === '.' || name === '..' || !legalName.test(name)) {
    return `${what} contains illegal characters (allowed: printable ASCII without blanks, quotes, / and \\): ${JSON.stringify(shown(name))}`;
  }
  return undefined;
}

/** Throws INVALID_PARAMETER when there is a fault. */
export function demand(fault: string | undefined): void {
  if (fault !== undefined) throw new Refusal(responseCodes.INVALID_PARAMETER, fault);
}

/** Throws INVALID_PARAMETER when `count` would pass `max`. */
export function demandRoom(what: string, count: number, max: number): void {
  demand(count > max ? `${what}: ${count}, at most ${max} are allowed` : undefined);
}
