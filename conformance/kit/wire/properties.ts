/** Message properties as text: `name 0x01 value 0x02 ...`, on the wire and on disk. */

export type Properties = Readonly<Record<string, string>>;

/** The string form, in the order of the object's members, with the closing 0x02. */
export function encodeProperties(properties: Properties): string {
  return Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`).join('');
}

/** Reads the string form; what has no name or no 0x01 is left out, a missing last 0x02 is allowed. */
export function decodeProperties(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const part of text.split('\u0002')) {
    const cut = part.indexOf('\u0001');
    if (cut > 0) out[part.slice(0, cut)] = part.slice(cut + 1);
  }
  return out;
}
