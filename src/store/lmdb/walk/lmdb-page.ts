// The layout of LMDB's pages, and the parts of one. Source: lmdb's MDB_page, MDB_db and MDB_node.

/** Offsets in a page's header. `overflowPages` takes the place of the two bounds in the pages of a large value. */
export const page = {
  number: 0,
  transaction: 8,
  flags: 18,
  lower: 20,
  upper: 22,
  overflowPages: 20,
  nodes: 24,
} as const;
export const pageFlag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
export const noPage = 0xffff_ffff_ffff_ffffn;

/** Offsets in a node's header. A leaf's node begins with the length of its value, a branch's with a page number. */
const node = { flags: 4, keySize: 6, key: 8 } as const;

/** A tree as a meta page describes it. */
export interface Tree {
  readonly pad: number;
  readonly flags: number;
  readonly depth: number;
  readonly branches: bigint;
  readonly leaves: bigint;
  readonly overflow: bigint;
  readonly entries: bigint;
  readonly root: bigint;
}

export function readTree(bytes: Buffer, at: number): Tree {
  return {
    pad: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branches: bytes.readBigUInt64LE(at + 8),
    leaves: bytes.readBigUInt64LE(at + 16),
    overflow: bytes.readBigUInt64LE(at + 24),
    entries: bytes.readBigUInt64LE(at + 32),
    root: bytes.readBigUInt64LE(at + 40),
  };
}

export interface Leaf {
  readonly key: Buffer;
  readonly flags: number;
  readonly valueBytes: number;
  /** The value, or where its pages are. */
  readonly data: Buffer;
}

export interface Branch {
  readonly key: Buffer;
  readonly child: bigint;
}

/** The bytes that the reference to a large value takes in its node: page number, transaction, number of pages. */
const referenceBytes = 24;
export const nodeIsBig = 1;

/** The nodes of a page; undefined for a layout that cannot be. */
export function nodesOf(bytes: Buffer, isBranch: true): Branch[] | undefined;
export function nodesOf(bytes: Buffer, isBranch: false): Leaf[] | undefined;
export function nodesOf(bytes: Buffer, isBranch: boolean): (Branch | Leaf)[] | undefined {
  // In the file they count from the page header.
  const lower = page.nodes + bytes.readUInt16LE(page.lower);
  const upper = page.nodes + bytes.readUInt16LE(page.upper);
  if (lower > upper || upper > bytes.length || lower % 2 !== 0) return undefined;
  const nodes: (Branch | Leaf)[] = [];
  let used = 0;
  for (let at = page.nodes; at < lower; at += 2) {
    const start = page.nodes + bytes.readUInt16LE(at);
    if (start < upper || start % 2 !== 0 || start + node.key > bytes.length) return undefined;
    const keyEnd = start + node.key + bytes.readUInt16LE(start + node.keySize);
    const flags = bytes.readUInt16LE(start + node.flags);
    const valueBytes = isBranch ? 0 : bytes.readUInt32LE(start);
    const dataBytes = !isBranch && flags === nodeIsBig ? referenceBytes : valueBytes;
    const end = keyEnd + dataBytes;
    if (end > bytes.length) return undefined;
    used += end - start + ((end - start) % 2);
    const key = bytes.subarray(start + node.key, keyEnd);
    if (isBranch) nodes.push({ key, child: BigInt(bytes.readUIntLE(start, 6)) });
    else nodes.push({ key, flags, valueBytes, data: bytes.subarray(keyEnd, end) });
  }
  // They fill the page from its end on, without a gap.
  return used === bytes.length - upper ? nodes : undefined;
}
