/**
 * Address translation: the proxy stands in for a broker, so what the endpoint says about addresses must name the proxy where it means
 * itself, and the client's own address where it names the proxy's connection. In text of the form host:port, in message ids, and in the
 * born and store hosts of stored messages. Nothing else is touched.
 */
import type { Command } from '../wire/frame.js';
import { layoutOf, recordsIn } from './records.js';

/** Ports kept; a proxy lives for one run of cases. */
const portsMax = 100_000;

export class Addresses {
  private readonly ports = new Map<number, number>();
  private readonly host: string;
  private readonly hostHex: string;

  /** `host` is where both the endpoint and the proxy listen: an IPv4 address. */
  constructor(host: string) {
    this.host = host;
    this.hostHex = host.split('.').map((part) => Number(part).toString(16).padStart(2, '0')).join('').toUpperCase();
  }

  /** What the endpoint calls port `from` is `to` for clients. */
  add(from: number | undefined, to: number | undefined): void {
    if (from !== undefined && to !== undefined && this.ports.size < portsMax) this.ports.set(from, to);
  }

  /** The frame with clients' addresses; the same object where there are none of ours. */
  translate(command: Command): Command {
    const ext = this.translateExt(command.ext);
    const remark = command.remark === undefined ? undefined : this.text(command.remark);
    const body = this.body(command.body);
    if (ext === command.ext && remark === command.remark && body === command.body) return command;
    return { ...command, ext, remark, body };
  }

  private translateExt(ext: Command['ext']): Command['ext'] {
    let out = ext;
    for (const [name, value] of Object.entries(ext)) {
      const text = this.text(value);
      if (text !== value) out = { ...out, [name]: text };
    }
    return out;
  }

  /** host:port and message ids in a text. */
  text(value: string): string {
    let out = value;
    if (out.includes(this.host)) {
      out = out.replace(new RegExp(`(${this.host.replaceAll('.', '\\.')}:)(\\d{1,5})(?!\\d)`, 'g'), (whole, head: string, port: string) => {
        const to = this.ports.get(Number(port));
        return to === undefined ? whole : `${head}${to}`;
      });
    }
    return out.includes(this.hostHex) ? this.ids(out) : out;
  }

  private ids(value: string): string {
    return value.replace(new RegExp(`${this.hostHex}([0-9A-F]{8})(?=[0-9A-F]{16}(?![0-9A-F]))`, 'g'), (whole, port: string) => {
      const to = this.ports.get(parseInt(port, 16));
      return to === undefined ? whole : `${this.hostHex}${to.toString(16).padStart(8, '0').toUpperCase()}`;
    });
  }

  private body(body: Buffer): Buffer {
    const records = recordsIn(body);
    if (records !== undefined) return this.recordBody(body, records);
    if (body[0] !== 0x7b && body[0] !== 0x5b) return body;
    const text = body.toString('utf8');
    const out = this.text(text);
    return out === text ? body : Buffer.from(out, 'utf8');
  }

  private recordBody(body: Buffer, records: readonly Buffer[]): Buffer {
    const out = Buffer.from(body);
    let at = 0;
    for (const record of records) {
      const layout = layoutOf(record);
      for (const hostAt of [layout.bornHost, layout.storeHost]) {
        const to = hostAt.bytes === 8 ? this.ports.get(record.readInt32BE(hostAt.at + 4)) : undefined;
        if (to !== undefined) out.writeInt32BE(to, at + hostAt.at + 4);
      }
      const properties = record.toString('latin1', layout.properties.at);
      if (properties.includes(this.hostHex)) out.write(this.ids(properties), at + layout.properties.at, 'latin1');
      at += record.length;
    }
    return out.equals(body) ? body : out;
  }
}
