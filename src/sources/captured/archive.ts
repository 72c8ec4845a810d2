// A tar archive as a tree of files in memory. Nothing of an archive is ever written to disk, so no name or
// link in a hostile one can reach anything.
import { gunzipSync } from 'node:zlib';
import { packTar, unpackTar } from 'modern-tar';
import { AppError } from '../../core/errors.ts';
import { readError } from '../read-error.ts';
import type { Tree } from '../tree.ts';

/** Limits far above those of a capture, so that a hostile archive is refused before it fills the memory.
 *  The largest capture is a few MB in some thousand files; no path in one is longer than the kernel's longest. */
const maxUnpackedBytes = 32 * 1024 * 1024;
const maxEntries = 30_000;
const maxNodes = 60_000;
const maxPath = 4096;
const maxDepth = 64;

interface Node {
  link?: string;
  content?: Buffer;
  names?: Set<string>;
}

/** Reads the tree in a tar archive, gzipped or not. Errors: AppError `read.malformed`. */
export async function archiveTree(bytes: Uint8Array, path: string): Promise<Tree> {
  const nodes = new Map<string, Node>([['', { names: new Set() }]]);
  try {
    const tar = isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: maxUnpackedBytes }) : bytes;
    refuseMany(tar);
    for (const { header, data } of await unpackTar(tar, { strict: true })) {
      const place = placeOf(header.name);
      if (place === undefined) continue;
      if (header.type === 'symlink') add(nodes, place, { link: linkOf(header.linkname ?? '') });
      else if (header.type === 'file') add(nodes, place, { content: contentOf(data) });
      else if (header.type === 'directory') add(nodes, place, { names: new Set() });
      if (nodes.size > maxNodes) throw new Error(`it holds more than ${maxNodes} directories`);
    }
  } catch (cause) {
    throw new AppError('read.malformed', `cannot read ${path} as a tar archive`, {
      cause,
      details: { path },
    });
  }
  return treeOf(nodes);
}

/** Packs text files into a gzipped tar archive, byte for byte the same for the same files. */
export async function packFiles(files: ReadonlyMap<string, string>): Promise<Uint8Array> {
  const { gzipSync } = await import('node:zlib');
  const entries = [...files].map(([name, body]) => ({
    header: {
      name,
      type: 'file' as const,
      size: Buffer.byteLength(body),
      mode: 0o644,
      mtime: new Date(0),
    },
    body,
  }));
  return gzipSync(await packTar(entries), { level: 9 });
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Counts the entries before they are unpacked, and looks at the size of those that only name another.
 *  Source: POSIX ustar: blocks of 512 bytes, the size in octal digits at 124, the type at 156. */
function refuseMany(tar: Uint8Array): void {
  const text = new TextDecoder('latin1');
  let count = 0;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; count++) {
    if (count >= maxEntries) throw new Error(`it holds more than ${maxEntries} entries`);
    const digits = text.decode(tar.subarray(at + 124, at + 136));
    const size = Number.parseInt(/^[ 0]*([0-7]{0,11})/.exec(digits)?.[1] || '0', 8);
    const isName = 'xgLK'.includes(String.fromCharCode(tar[at + 156] ?? 0));
    if (isName && size > 2 * maxPath) throw new Error('a name in it is longer than any path');
    at += 512 * (1 + Math.ceil(size / 512));
  }
}

function refuseLong(path: string): void {
  if (path.length > maxPath) throw new Error('a path in it is longer than any path');
}

function linkOf(target: string): string {
  refuseLong(target);
  return target;
}

/** The same bytes, not a copy. */
function contentOf(data: Uint8Array | undefined): Buffer {
  return data === undefined
    ? Buffer.alloc(0)
    : Buffer.from(data.buffer, data.byteOffset, data.length);
}

/** "./sys/block/" → "/sys/block"; undefined for a name that leaves the archive. */
function placeOf(name: string): string | undefined {
  refuseLong(name);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length > maxDepth)
    throw new Error(`a path in it is deeper than ${maxDepth} directories`);
  return parts.includes('..') ? undefined : parts.map((part) => `/${part}`).join('');
}

/** Puts a node in its place, with the directories above it. The first of two in one place stays. */
function add(nodes: Map<string, Node>, place: string, node: Node): void {
  if (nodes.has(place)) return;
  const slash = place.lastIndexOf('/');
  const parent = place.slice(0, slash);
  add(nodes, parent, { names: new Set() });
  nodes.get(parent)?.names?.add(place.slice(slash + 1));
  nodes.set(place, node);
}

function treeOf(nodes: ReadonlyMap<string, Node>): Tree {
  return {
    target(path) {
      const node = nodes.get(path);
      return node === undefined ? undefined : (node.link ?? null);
    },
    names(path) {
      const names = nodes.get(path)?.names;
      if (names === undefined) throw errno(nodes.has(path) ? 'ENOTDIR' : 'ENOENT');
      return [...names];
    },
    read(path, shown, range) {
      const node = nodes.get(path);
      if (node === undefined) throw errno('ENOENT');
      if (node.link !== undefined) throw errno('ELOOP');
      if (node.content === undefined) throw readError('read.not-a-file', shown);
      if (range === undefined) return node.content;
      return node.content.subarray(range.offset, range.offset + range.length);
    },
  };
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}
