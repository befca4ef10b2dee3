/** Which names, addresses and amounts the name server takes. Apache takes anything; every bound here is ours. */
import { legalName } from '../broker/limits.js';

/** Bounds of the name server's tables. Beyond them a registration is refused and what is there stays. */
export const namesrvLimits = {
  /** Characters of a topic, broker, cluster, namespace, key or zone name. Topics have up to 255 bytes on disk. */
  nameCharsMax: 300,
  addressCharsMax: 300,
  /** Broker addresses registered at once. */
  brokersMax: 10_000,
  /** Topics known at once. */
  topicsMax: 500_000,
  /** Entries of all KV namespaces together, and characters of one value. */
  kvEntriesMax: 100_000,
  kvValueCharsMax: 65_536,
  /** Characters of all KV configs together: the file is written anew at each change. */
  kvCharsMax: 4 * 1024 * 1024,
  /** Unregistrations waiting to be carried out together (`NamesrvConfig#unRegisterBrokerQueueCapacity`). */
  unregistrationsMax: 3000,
  /** Longest heartbeat time-out a broker may ask for, in milliseconds: 30 days. */
  heartbeatTimeoutMsMax: 30 * 24 * 3_600_000,
} as const;

export { demand } from '../broker/limits.js';

/** A text inside a remark: cut, so that megabytes do not come back as an answer. */
export function shown(text: string): string {
  return text.length <= 255 ? text : `${text.slice(0, 255)}...`;
}

/** What is wrong with a name; undefined = nothing. */
export function nameFault(what: string, name: string): string | undefined {
  if (name.length === 0) return `${what} is blank`;
  if (name.length > namesrvLimits.nameCharsMax) return `${what} has ${name.length} characters, at most ${namesrvLimits.nameCharsMax} are allowed: ${shown(name)}`;
  if (!legalName.test(name)) return `${what} contains illegal characters (allowed: printable ASCII without blanks, quotes, / and \\): ${JSON.stringify(shown(name))}`;
  if (name === '.' || name === '..') return `${what} must not be ${name}`;
  return undefined;
}

/** What is wrong with a `host:port`; undefined = nothing. Host names are not resolved. */
export function addressFault(what: string, address: string): string | undefined {
  const fault = nameFault(what, address);
  if (fault !== undefined) return fault;
  const port = /:(\d{1,5})$/.exec(address)?.[1];
  if (port === undefined || address.length === port.length + 1 || Number(port) > 65535) return `${what} is not host:port with a port of 0..65535: ${shown(address)}`;
  return undefined;
}
