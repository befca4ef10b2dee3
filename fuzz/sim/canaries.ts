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
  /** Crash points of this mode convict it too. */
  readonly crashPoints?: { readonly flush: 'ASYNC_FLUSH' | 'SYNC_FLUSH'; readonly kind: 'kill' | 'power' };
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

/** A disk some of whose methods are others. */
function withMethods(disk: Disk, change: (disk: Disk) => Partial<Disk>): Disk {
  const other = change(disk);
  return new Proxy(disk, {
    get(target, name) {
      if (Object.hasOwn(other, name)) return Reflect.get(other, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const isLog = (file: string): boolean => file.includes('/commitlog/');
const isTable = (file: string): boolean => file.includes('/config/');

export const canaries: readonly Canary[] = [
  {
    name: 'sync-skipped', plants: 'fdatasync of the CommitLog says that it is done and does nothing', schedulesMax: 400, crashPoints: { flush: 'SYNC_FLUSH', kind: 'power' },
    wrapDisk: (disk) => withFiles(disk, (file) => (isLog(file.path) ? { datasync: () => Promise.resolve() } : {})),
  },
  {
    name: 'directory-unsynced', plants: 'new files are never made durable in their directory', schedulesMax: 600, crashPoints: { flush: 'SYNC_FLUSH', kind: 'power' },
    wrapDisk: (disk) => withMethods(disk, () => ({ syncDir: () => Promise.resolve() })),
  },
  {
    name: 'short-write', plants: 'a long write to the CommitLog leaves its end out and says nothing', schedulesMax: 200, crashPoints: { flush: 'ASYNC_FLUSH', kind: 'kill' },
    wrapDisk: (disk) => withFiles(disk, (file) => (isLog(file.path) ? { writeSync: (bytes, start, end, position) => { file.writeSync(bytes, start, end - start > 300 ? end - 40 : end, position); } } : {})),
  },
  {
    name: 'rename-before-sync', plants: 'a table is renamed into its place before its bytes are synced', schedulesMax: 600, crashPoints: { flush: 'SYNC_FLUSH', kind: 'power' },
    wrapDisk: (disk) => withFiles(disk, (file) => (isTable(file.path) ? { datasync: () => Promise.resolve(), datasyncSync: () => undefined } : {})),
  },
  {
    name: 'table-unwritten', plants: 'tables of topics are not put into their place', schedulesMax: 200, crashPoints: { flush: 'SYNC_FLUSH', kind: 'kill' },
    wrapDisk: (disk) => withMethods(disk, (target) => ({ rename: (from, to) => { if (!to.endsWith('topics.json')) target.rename(from, to); } })),
  },
];
