// Walks the trees of LMDB's data file and compares everything that LMDB relies on: lengths, flags, the order of keys,
// the kind and the use of each page. It knows a little of what is stored: keys are printable ASCII, and a value begins
// with the revision of its commit. Neither LMDB nor the file has checksums.
import { readSync } from 'node:fs';
import {
  nodeIsBig,
  nodesOf,
  noPage,
  page,
  pageFlag,
  type Branch,
  type Leaf,
  type Tree,
} from './lmdb-page.ts';

const deepest = 32;
/** The bytes of a value's revision, a float64. */
const revisionBytes = 8;
const longestKey = 1978;

export interface WalkOptions {
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
  /** The size of the file, in bytes. */
  readonly size: number;
  /** False: only the pages above the leaves. */
  readonly leaves: boolean;
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** A place in a tree, and the keys that may be there: from the first on, before the second. */
interface Place {
  readonly rules: Rules;
  readonly depth: number;
  /** The leaves of the tree, as it says. */
  readonly leaves: number;
  /** 1 for the root. */
  readonly level: number;
  readonly from: Buffer | undefined;
  readonly before: Buffer | undefined;
}

/** A tree's own rules. */
interface Rules {
  readonly compare: (a: Buffer, b: Buffer) => number;
  readonly leaf: (leaf: Leaf) => void;
  readonly fewestChildren: number;
  /** Large values are looked at whole, not just where they begin. */
  readonly wholeValues: boolean;
  /** Its leaves are walked as well. */
  readonly leaves: boolean;
}

class Found extends Error {}

export class Walk {
  readonly #descriptor: number;
  readonly #options: WalkOptions;
  /** A bit for each page in use. */
  readonly #used: Uint8Array;
  #counts = { branches: 0, leaves: 0, overflow: 0, entries: 0 };

  constructor(descriptor: number, options: WalkOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
    const pages = Math.min(
      Number(options.lastPage) + 1,
      Math.ceil(options.size / options.pageSize),
    );
    this.#used = new Uint8Array(Math.ceil(pages / 8));
  }

  /** The first fault in the tree of all data; undefined if there is none. */
  mainTree(tree: Tree): string | undefined {
    return this.#tree(tree, {
      compare: (a, b) => Buffer.compare(a, b),
      leaf({ key, data, valueBytes }) {
        if (key.length > longestKey || !isPrintable(key)) fail('a key is none of this store');
        if (valueBytes < revisionBytes || !isRevision(data)) fail('a value has no revision');
      },
      fewestChildren: 2,
      wholeValues: false,
      leaves: this.#options.leaves,
    });
  }

  /** The first fault in the tree of free pages, after that of all data. */
  freeTree(tree: Tree): string | undefined {
    return this.#tree(tree, {
      compare: byTransaction,
      leaf: ({ key, data }) => {
        const isOne = transactionOf(key) <= this.#options.transaction;
        if (!isOne || data.length < 8 || data.length % 8 !== 0)
          fail('a list of free pages cannot be one');
        this.#freePages(data);
      },
      fewestChildren: 1,
      wholeValues: true,
      leaves: true,
    });
  }

  #tree(tree: Tree, rules: Rules): string | undefined {
    const { root, depth } = tree;
    const top = { rules, depth, leaves: Number(tree.leaves), level: 1 };
    this.#counts = { branches: 0, leaves: 0, overflow: 0, entries: 0 };
    try {
      if ((root === noPage) !== (depth === 0)) fail('a tree without pages has some');
      if (root !== noPage) this.#subtree(root, { ...top, from: undefined, before: undefined });
      const { branches, leaves, overflow, entries } = this.#counts;
      const isCounted =
        BigInt(branches) === tree.branches &&
        BigInt(leaves) === tree.leaves &&
        BigInt(overflow) === tree.overflow &&
        BigInt(entries) === tree.entries;
      if (rules.leaves && !isCounted) fail('a tree has more or fewer pages than it says');
      return undefined;
    } catch (err) {
      if (err instanceof Found) return err.message;
      throw err;
    }
  }

  #subtree(number: bigint, place: Place): void {
    const bytes = this.#page(number);
    const isBranch = place.level < place.depth;
    const flags = bytes.readUInt16LE(page.flags);
    if (place.level > deepest || flags !== (isBranch ? pageFlag.branch : pageFlag.leaf))
      fail(`page ${number} is not a page of the tree`);
    this.#use(number, 1);
    if (isBranch) this.#branch(number, bytes, place);
    else this.#leafPage(number, bytes, place);
  }

  #branch(number: bigint, bytes: Buffer, place: Place): void {
    const { rules, level } = place;
    this.#counts.branches += 1;
    const nodes = nodesOf(bytes, true) ?? fail(`page ${number} cannot be laid out so`);
    if (nodes.length < rules.fewestChildren) fail(`page ${number} leads to too few others`);
    // The first key of a branch says nothing.
    checkOrder(number, nodes.slice(1), place);
    for (const [i, { child }] of nodes.entries()) {
      const from = i === 0 ? place.from : nodes[i]?.key;
      const before = nodes[i + 1]?.key ?? place.before;
      if (rules.leaves || level === 1)
        this.#subtree(child, { ...place, level: level + 1, from, before });
      else if (!this.#has(child)) fail(`page ${child} is missing`);
    }
  }

  #leafPage(number: bigint, bytes: Buffer, place: Place): void {
    this.#counts.leaves += 1;
    this.#options.onProgress?.(Math.min(this.#counts.leaves / place.leaves, 1));
    const nodes = nodesOf(bytes, false) ?? fail(`page ${number} cannot be laid out so`);
    if (nodes.length === 0) fail(`page ${number} is empty`);
    checkOrder(number, nodes, place);
    this.#counts.entries += nodes.length;
    for (const leaf of nodes) {
      if ((leaf.flags & ~nodeIsBig) !== 0) fail(`page ${number} has a value of no known kind`);
      const isLarge = leaf.flags === nodeIsBig;
      place.rules.leaf(isLarge ? this.#large(leaf, place.rules.wholeValues) : leaf);
    }
  }

  /** A large value is on pages of its own: the leaf with the value in the place of the reference. */
  #large(leaf: Leaf, isWhole: boolean): Leaf {
    const { data, valueBytes } = leaf;
    const number = data.readBigUInt64LE(0);
    const pages = data.readBigUInt64LE(16);
    const wanted = Math.floor((page.nodes - 1 + valueBytes) / this.#options.pageSize) + 1;
    const first = this.#page(number);
    const isValue =
      first.readUInt16LE(page.flags) === pageFlag.overflow &&
      first.readBigUInt64LE(page.transaction) === data.readBigUInt64LE(8) &&
      BigInt(first.readUInt32LE(page.overflowPages)) === pages &&
      pages === BigInt(wanted) &&
      this.#has(number + pages - 1n);
    if (!isValue) fail(`page ${number} is not a value's`);
    this.#counts.overflow += wanted;
    this.#use(number, wanted);
    return {
      ...leaf,
      data: isWhole ? this.#value(number, valueBytes) : first.subarray(page.nodes),
    };
  }

  #value(number: bigint, valueBytes: number): Buffer {
    const { pageSize } = this.#options;
    const bytes = Buffer.allocUnsafe(valueBytes);
    readSync(this.#descriptor, bytes, 0, valueBytes, Number(number) * pageSize + page.nodes);
    return bytes;
  }

  /** A list of free pages: their number, then pages and, as negative numbers, the length of the run that the next
   *  one begins. */
  #freePages(list: Buffer): void {
    const count = list.readBigUInt64LE(0);
    if ((count + 1n) * 8n > BigInt(list.length)) fail('a list of free pages is longer than it is');
    let run = 1;
    for (let at = 8; at <= Number(count) * 8; at += 8) {
      const entry = Number(list.readBigInt64LE(at));
      if (entry < 0) run = -entry;
      else {
        if (entry !== 0) this.#free(entry, run);
        run = 1;
      }
    }
  }

  #free(number: number, run: number): void {
    const lastPage = Number(this.#options.lastPage);
    if (number < 2 || number + run - 1 > lastPage) fail('a free page is none of the file');
    for (let n = number; n < number + run; n += 1) {
      if (this.#isUsed(n)) fail(`page ${n} is in use, and free`);
    }
  }

  #use(number: bigint, pages: number): void {
    for (let n = Number(number); n < Number(number) + pages; n += 1) {
      if (this.#isUsed(n)) fail(`page ${n} is used twice`);
      this.#used[n >> 3] = (this.#used[n >> 3] ?? 0) | (1 << (n & 7));
    }
  }

  #isUsed(n: number): boolean {
    return ((this.#used[n >> 3] ?? 0) & (1 << (n & 7))) !== 0;
  }

  #has(number: bigint): boolean {
    const { lastPage, pageSize, size } = this.#options;
    return number >= 2n && number <= lastPage && (Number(number) + 1) * pageSize <= size;
  }

  #page(number: bigint): Buffer {
    if (!this.#has(number)) fail(`page ${number} is missing`);
    const { pageSize, transaction } = this.#options;
    const bytes = Buffer.allocUnsafe(pageSize);
    const read = readSync(this.#descriptor, bytes, 0, pageSize, Number(number) * pageSize);
    const isIt =
      read === pageSize &&
      bytes.readBigUInt64LE(page.number) === number &&
      bytes.readBigUInt64LE(page.transaction) <= transaction;
    return isIt ? bytes : fail(`page ${number} is another one`);
  }
}

/** Each key after the one before it, and within the bounds. */
function checkOrder(
  number: bigint,
  nodes: readonly (Branch | Leaf)[],
  { rules: { compare }, from, before }: Place,
): void {
  const [first] = nodes;
  if (first === undefined) return;
  let isOrdered = from === undefined || compare(first.key, from) >= 0;
  let last = first.key;
  for (const { key } of nodes.slice(1)) {
    isOrdered &&= compare(last, key) < 0;
    last = key;
  }
  isOrdered &&= before === undefined || compare(last, before) < 0;
  if (!isOrdered) fail(`the keys of page ${number} are out of order`);
}

function byTransaction(a: Buffer, b: Buffer): number {
  return Number(transactionOf(a) - transactionOf(b));
}

/** The key of a list of free pages: the transaction that freed them. */
function transactionOf(key: Buffer): bigint {
  return key.length === 8 ? key.readBigUInt64LE() : fail('a list of free pages cannot be one');
}

function fail(problem: string): never {
  throw new Found(problem);
}

function isPrintable(key: Buffer): boolean {
  for (const byte of key) if (byte < 0x20 || byte > 0x7e) return false;
  return key.length > 0;
}

/** Revisions are counted from 1 on. */
function isRevision(value: Buffer): boolean {
  return Number.isSafeInteger(value.readDoubleLE(0)) && value.readDoubleLE(0) > 0;
}
