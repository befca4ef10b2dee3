/** Bugs of kinds that have been made somewhere before, planted around the product, which holds none: the simulation has to find each of them. */
import type { Disk, DiskFile } from '../../src/store/disk.js';
import type { FaultKind } from './faults.js';

export interface Canary {
  readonly name: string;
  readonly plants: string;
  /** Schedules within which it is found. */
  readonly schedulesMax: number;
  readonly wrapDisk?: (disk: Disk) => Disk;
  readonly settings?: Readonly<Record<string, string>>;
  readonly without?: ReadonlySet<FaultKind>;
}

/** A disk whose files are changed by `change`. */
function withFiles(disk: Disk, change: (file: DiskFile) => Partial<DiskFile>): Disk {
  return new Proxy(disk, {
    get(target, name) {
      if (name === 'open') return (...args: Parameters<Disk['open']>) => changed(target.open(...args), change);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function changed(file: DiskFile, change: (file: DiskFile) => Partial<DiskFile>): DiskFile {
  const other = change(file);
  return new Proxy(file, {
    get(target, name) {
      if (Object.hasOwn(other, name)) return Reflect.get(other, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export const canaries: readonly Canary[] = [
  {
    name: 'sync-skipped', plants: 'fdatasync of the CommitLog says that it is done and does nothing', schedulesMax: 400,
    wrapDisk: (disk) => withFiles(disk, (file) => (file.path.includes('/commitlog/') ? { datasync: () => Promise.resolve() } : {})),
  },
  {
    name: 'directory-unsynced', plants: 'new files are never made durable in their directory', schedulesMax: 800,
    wrapDisk: (disk) => new Proxy(disk, {
      get(target, name) {
        if (name === 'syncDir') return () => Promise.resolve();
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
  },
  {
    name: 'short-write', plants: 'a write to the CommitLog of more than 600 bytes leaves its end out', schedulesMax: 400,
    wrapDisk: (disk) => withFiles(disk, (file) => (file.path.includes('/commitlog/') ? { writeSync: (bytes, start, end, position) => { file.writeSync(bytes, start, end - start > 600 ? end - 40 : end, position); } } : {})),
  },
  {
    name: 'offsets-forgotten', plants: 'tables of consumer offsets are written in one place and read in another', schedulesMax: 400,
    wrapDisk: (disk) => new Proxy(disk, {
      get(target, name) {
        if (name === 'rename') return (from: string, to: string) => { if (!to.endsWith('topics.json')) target.rename(from, to); };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
  },
];
