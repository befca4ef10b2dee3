/**
 * Bytes of buffers that a run allocates. `Buffer`'s allocators are counted exactly while `counting`; what the native side makes (inflated data) is seen by
 * the process's own figure, which is coarser and therefore only sampled.
 */
let total = 0;
let counting = false;

type Allocator = 'alloc' | 'allocUnsafe' | 'allocUnsafeSlow';

function count(name: Allocator): void {
  const allocate: (size: number, ...more: never[]) => Buffer<ArrayBuffer> = Buffer[name].bind(Buffer);
  Buffer[name] = (size: number, ...more: never[]) => {
    if (counting) total += size;
    return allocate(size, ...more);
  };
}

let installed = false;

/** Puts the counters around the allocators of this thread. */
export function countAllocations(): void {
  if (installed) return;
  installed = true;
  count('alloc');
  count('allocUnsafe');
  count('allocUnsafeSlow');
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
