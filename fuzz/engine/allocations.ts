/**
 * Bytes of buffers that a run allocates. `Buffer`'s allocators are counted exactly while `counting`; what the native side makes (inflated data) is seen by
 * the process's own figure, which is coarser and therefore only sampled.
 */
let total = 0;
let counting = false;

function counted<A extends unknown[], R extends Uint8Array>(allocate: (...args: A) => R): (...args: A) => R {
  return function (this: unknown, ...args: A): R {
    if (counting && typeof args[0] === 'number') total += args[0];
    return allocate.apply(this, args);
  };
}

let installed = false;

/** Puts the counters around the allocators of this thread. */
export function countAllocations(): void {
  if (installed) return;
  installed = true;
  Buffer.alloc = counted(Buffer.alloc);
  Buffer.allocUnsafe = counted(Buffer.allocUnsafe);
  Buffer.allocUnsafeSlow = counted(Buffer.allocUnsafeSlow);
}

export function startCounting(): void {
  total = 0;
  counting = true;
}

/** Bytes since `startCounting`. */
export function stopCounting(): number {
  counting = false;
  return total;
}

/** Bytes behind all array buffers of this thread now. */
export function arrayBufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}
