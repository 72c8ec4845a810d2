// Verifies LMDB's data file before LMDB maps it, because LMDB trusts what it maps: a page with a wrong length in it
// would end the process instead of raising an error. Reads only; nothing may be writing at the same time.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../core/errors.ts';
import { page, pageFlag, readTree, type Tree } from './lmdb-page.ts';
import { Walk } from './lmdb-walk.ts';

/** Files up to this size are walked whole, larger ones only along their branches, which are few. */
const walkWholeBytes = 64 * 1024 * 1024;

// Layout of a meta page. Source: lmdb's MDB_meta.
const meta = {
  magic: 24,
  version: 28,
  address: 32,
  mapSize: 40,
  freeTree: 48,
  mainTree: 96,
  lastPage: 144,
  transaction: 152,
  bytes: 168,
} as const;
const magic = 0xbeefc0de;
const metaVersion = 2;
/** MDB_INTEGERKEY, which the tree of free pages has; no other flag is ever set on it here. */
const freeTreeFlags = 8;
/** The kernel maps no more. */
const largestMap = 2n ** 47n;

export const dataFileName = 'data.mdb';

interface VerifyOptions {
  /** Every page is walked, whatever the file's size. */
  readonly whole?: boolean;
  /** Told the share of the pages that were walked, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Errors: AppError `store.damaged` for a file that LMDB could not read, `store.unavailable`. A
 *  missing file is none: it is made. */
export function verifyDataFile(directory: string, options: VerifyOptions = {}): void {
  const problem = problemIn(directory, options);
  if (problem !== undefined) throw damagedFile(directory, problem);
}

/** The fault that keeps LMDB from reading the file, if there is one. Errors: AppError `store.unavailable`. */
export function problemIn(directory: string, options: VerifyOptions): string | undefined {
  const path = join(directory, dataFileName);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined;
    throw new AppError('store.unavailable', `cannot read ${path}`, { cause: err });
  }
  try {
    return findProblem(descriptor, options);
  } finally {
    closeSync(descriptor);
  }
}

export function damagedFile(directory: string, problem: string): AppError {
  return new AppError(
    'store.damaged',
    `${join(directory, dataFileName)} is damaged (${problem}): restore a backup into a new directory`,
  );
}

function findProblem(
  descriptor: number,
  { whole = false, onProgress }: VerifyOptions,
): string | undefined {
  const { size } = fstatSync(descriptor);
  const metas = readMetas(descriptor);
  if (metas === undefined) return 'it does not begin as a data file does';
  const [first, second] = metas;
  if (!arePair(first, second)) return 'its two first pages do not agree';
  // As LMDB chooses.
  const newest = first.transaction < second.transaction ? second : first;
  const leaves = whole || size <= walkWholeBytes;
  const walk = new Walk(descriptor, { ...newest, size, leaves, onProgress });
  return walk.mainTree(newest.main) ?? walk.freeTree(newest.free);
}

/** Gives the number of the last transaction in an open file, in 2 µs: it is asked for after each commit. */
export function transactionReader(descriptor: number): () => bigint {
  const bytes = Buffer.alloc(8);
  const [first] = readMetas(descriptor) ?? [];
  const at = [meta.transaction, (first?.pageSize ?? 0) + meta.transaction];
  return () => {
    const [a = 0n, b = 0n] = at.map((position) => {
      readSync(descriptor, bytes, 0, 8, position);
      return bytes.readBigUInt64LE(0);
    });
    return a > b ? a : b;
  };
}

interface Meta {
  readonly pageSize: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** Both meta pages. LMDB reads both, and a commit writes one of them, in one piece. */
function readMetas(descriptor: number): readonly [Meta, Meta] | undefined {
  const first = readMeta(descriptor, 0, 0n);
  const second = first && readMeta(descriptor, first.pageSize, 1n);
  return first && second && [first, second];
}

function readMeta(descriptor: number, position: number, number: bigint): Meta | undefined {
  const bytes = Buffer.alloc(meta.bytes);
  if (readSync(descriptor, bytes, 0, bytes.length, position) < bytes.length) return undefined;
  const free = readTree(bytes, meta.freeTree);
  const pageSize = free.pad;
  const mapSize = bytes.readBigUInt64LE(meta.mapSize);
  const lastPage = bytes.readBigUInt64LE(meta.lastPage);
  const isMeta =
    bytes.readBigUInt64LE(page.number) === number &&
    bytes.readUInt16LE(page.flags) === pageFlag.meta &&
    bytes.readUInt32LE(meta.magic) === magic &&
    bytes.readUInt32LE(meta.version) === metaVersion &&
    bytes.readBigUInt64LE(meta.address) === 0n &&
    free.flags === freeTreeFlags &&
    pageSize >= 512 &&
    pageSize <= 65_536 &&
    (pageSize & (pageSize - 1)) === 0 &&
    mapSize < largestMap &&
    (lastPage + 1n) * BigInt(pageSize) <= mapSize;
  if (!isMeta) return undefined;
  return {
    pageSize,
    free,
    main: readTree(bytes, meta.mainTree),
    lastPage,
    transaction: bytes.readBigUInt64LE(meta.transaction),
  };
}

/** Transactions write the two meta pages in turn: even ones the first, odd ones the second. */
function arePair(first: Meta, second: Meta): boolean {
  if (first.pageSize !== second.pageSize) return false;
  const [a, b] = [first.transaction, second.transaction];
  if (a === 0n && b === 0n) return true;
  return a % 2n === 0n && b % 2n === 1n && (a - b === 1n || b - a === 1n);
}
