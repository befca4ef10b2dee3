/** A list of peers that are equal to us (name servers): which to ask now, and the next one after a failure. */

/** Addresses parted by `;` (Apache's form) or `,`, trimmed, empty ones dropped, repeated ones once. */
export function parseAddressList(text: string): readonly string[] {
  return [...new Set(text.split(/[;,]/).map((part) => part.trim()).filter((part) => part !== ''))];
}

export class AddressList {
  private list: readonly string[];
  private at: number;

  /** `start` in [0, 1) picks where to begin, so that many clients spread over the list (`NettyRemotingClient#initValueIndex`). */
  constructor(addresses: readonly string[], start = 0) {
    this.list = [...addresses];
    this.at = Math.floor(start * Math.max(1, addresses.length));
  }

  all(): readonly string[] {
    return this.list;
  }

  /** The address to ask now; undefined when the list is empty. Stays the same until it is reported as failed. */
  current(): string | undefined {
    return this.list[this.at % Math.max(1, this.list.length)];
  }

  /** Moves on when `address` is still the current one; a late report about an earlier one changes nothing. */
  failed(address: string): void {
    if (this.current() === address) this.at = (this.at + 1) % Math.max(1, this.list.length);
  }

  /** A new list; the current address stays current when it is still there. */
  replace(addresses: readonly string[]): void {
    const current = this.current();
    this.list = [...addresses];
    const kept = current === undefined ? -1 : this.list.indexOf(current);
    this.at = kept < 0 ? 0 : kept;
  }
}
