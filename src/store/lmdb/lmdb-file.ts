// Verifies LMDB's data file before LMDB maps it, because a missing or wrong page would end the process
// instead of raising an error. Reads only; nothing may be writing at the same time.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';

/** Files up to this size are walked whole, larger ones only along their branches, which are few. */
const walkWholeBytes = 64 * 1024 * 1024;

// Layout of a page and of the meta page. Source: lmdb's MDB_page, MDB_meta, MDB_db, MDB_node.
const page = { number: 0, flags: 18, lower: 20, upper: 22, nodes: 24 } as const;
const pageFlag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
const meta = {
  magic: 24,
  version: 28,
  pageSize: 48,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
  transaction: 152,
} as const;
const magic = 0xbeefc0de;
const metaVersion = 2;
const node = { flags: 4, keySize: 6, data: 8 } as const;
const nodeIsBig = 1;
const noPage = 0xffff_ffff_ffff_ffffn;
const deepest = 32;

export const dataFileName = 'data.mdb';

/** Errors: AppError `store.damaged` for a file that LMDB could not read, `store.unavailable`. A
 *  missing file is none: it is made. */
export function verifyDataFile(directory: string, options: { whole?: boolean } = {}): void {
  const path = join(directory, dataFileName);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return;
    throw new AppError('store.unavailable', `cannot read ${path}`, { cause: err });
  }
  try {
    const problem = findProblem(descriptor, options.whole ?? false);
    if (problem === undefined) return;
    throw new AppError(
      'store.damaged',
      `${path} is damaged (${problem}): restore a backup into a new directory`,
    );
  } finally {
    closeSync(descriptor);
  }
}

function findProblem(descriptor: number, whole: boolean): string | undefined {
  const { size } = fstatSync(descriptor);
  const newest = newestMeta(descriptor);
  if (newest === undefined) return 'it does not begin as a data file does';
  const walk = new Walk(descriptor, size, newest.pageSize, whole || size <= walkWholeBytes);
  return walk.tree(newest.freeRoot) ?? walk.tree(newest.mainRoot);
}

interface Meta {
  readonly pageSize: number;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
  readonly transaction: bigint;
}

/** The later of the two meta pages; a crash leaves at least one whole. */
function newestMeta(descriptor: number): Meta | undefined {
  const first = readMeta(descriptor, 0);
  if (first === undefined) return undefined;
  const second = readMeta(descriptor, first.pageSize);
  return second !== undefined && second.transaction > first.transaction ? second : first;
}

function readMeta(descriptor: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(160);
  if (readSync(descriptor, bytes, 0, bytes.length, position) < bytes.length) return undefined;
  const isMeta =
    (bytes.readUInt16LE(page.flags) & pageFlag.meta) !== 0 &&
    bytes.readUInt32LE(meta.magic) === magic &&
    (bytes.readUInt32LE(meta.version) & 0xffff) === metaVersion;
  const pageSize = bytes.readUInt32LE(meta.pageSize);
  if (!isMeta || pageSize < 512 || pageSize > 65_536) return undefined;
  return {
    pageSize,
    freeRoot: bytes.readBigUInt64LE(meta.freeRoot),
    mainRoot: bytes.readBigUInt64LE(meta.mainRoot),
    transaction: bytes.readBigUInt64LE(meta.transaction),
  };
}

class Walk {
  readonly #descriptor: number;
  readonly #size: number;
  readonly #pageSize: number;
  readonly #leaves: boolean;

  constructor(descriptor: number, size: number, pageSize: number, leaves: boolean) {
    this.#descriptor = descriptor;
    this.#size = size;
    this.#pageSize = pageSize;
    this.#leaves = leaves;
  }

  /** The first fault in the tree under a root page; undefined if there is none. */
  tree(root: bigint): string | undefined {
    return root === noPage ? undefined : this.#subtree(root, 0);
  }

  #subtree(number: bigint, depth: number): string | undefined {
    const bytes = this.#page(number);
    if (bytes === undefined) return `page ${number} is missing`;
    const flags = bytes.readUInt16LE(page.flags);
    const isBranch = (flags & pageFlag.branch) !== 0;
    const nodes = nodesOf(bytes);
    if (nodes === undefined || depth > deepest || isBranch === ((flags & pageFlag.leaf) !== 0)) {
      return `page ${number} is not a page of the tree`;
    }
    for (const at of nodes) {
      const problem = isBranch ? this.#child(bytes, at, depth) : this.#value(bytes, at);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #child(bytes: Buffer, at: number, depth: number): string | undefined {
    const number = BigInt(bytes.readUIntLE(at, 6));
    if (!this.#leaves && depth > 0)
      return this.#has(number) ? undefined : `page ${number} is missing`;
    return this.#subtree(number, depth + 1);
  }

  /** A large value is on pages of its own. */
  #value(bytes: Buffer, at: number): string | undefined {
    if ((bytes.readUInt16LE(at + node.flags) & nodeIsBig) === 0) return undefined;
    const length = bytes.readUInt32LE(at);
    const number = bytes.readBigUInt64LE(at + node.data + bytes.readUInt16LE(at + node.keySize));
    const first = this.#page(number);
    const isWhole = Number(number) * this.#pageSize + page.nodes + length <= this.#size;
    const isOverflow =
      first !== undefined && (first.readUInt16LE(page.flags) & pageFlag.overflow) !== 0;
    return isWhole && isOverflow ? undefined : `page ${number} is not a value's`;
  }

  #has(number: bigint): boolean {
    return (Number(number) + 1) * this.#pageSize <= this.#size;
  }

  #page(number: bigint): Buffer | undefined {
    if (!this.#has(number)) return undefined;
    const bytes = Buffer.allocUnsafe(this.#pageSize);
    const read = readSync(
      this.#descriptor,
      bytes,
      0,
      bytes.length,
      Number(number) * this.#pageSize,
    );
    return read === bytes.length && bytes.readBigUInt64LE(page.number) === number
      ? bytes
      : undefined;
  }
}

/** The offsets of a page's nodes; undefined for a layout that cannot be. In the file they count from the
 *  page header. */
function nodesOf(bytes: Buffer): number[] | undefined {
  const lower = page.nodes + bytes.readUInt16LE(page.lower);
  const upper = page.nodes + bytes.readUInt16LE(page.upper);
  if (lower > upper || upper > bytes.length) return undefined;
  const nodes: number[] = [];
  for (let at = page.nodes; at < lower; at += 2) {
    const start = page.nodes + bytes.readUInt16LE(at);
    if (start < upper || start + node.data > bytes.length) return undefined;
    nodes.push(start);
  }
  return nodes;
}
