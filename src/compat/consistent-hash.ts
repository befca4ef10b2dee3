/** Guava's `Hashing#consistentHash`: clients, proxies and brokers choose the same queue by it. */

/** The bucket of a hash among `buckets`: jump consistent hashing (Lamping and Veach) driven by a 64-bit linear congruential generator. */
export function consistentHash(hash: number, buckets: number): number {
  let state = BigInt(hash);
  for (let bucket = 0; ;) {
    state = BigInt.asIntN(64, 2_862_933_555_777_941_757n * state + 1n);
    const next = Math.trunc((bucket + 1) / ((Number(BigInt.asUintN(64, state) >> 33n) + 1) / 0x8000_0000));
    if (next < 0 || next >= buckets) return bucket;
    bucket = next;
  }
}
