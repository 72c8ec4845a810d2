// A tar archive as a tree of files in memory. Nothing of an archive is ever written to disk, so no name or
// link in a hostile one can reach anything.
import { gunzipSync } from 'node:zlib';
import { packTar, unpackTar } from 'modern-tar';
import { AppError } from '../../core/errors.ts';
import { readError } from '../read-error.ts';
import type { Tree } from '../tree.ts';

/** Hundreds of times the size of a capture, and small enough to unpack in memory. */
const maxUnpackedBytes = 256 * 1024 * 1024;

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
    for (const { header, data } of await unpackTar(tar, { strict: true })) {
      const place = placeOf(header.name);
      if (place === undefined) continue;
      if (header.type === 'symlink') add(nodes, place, { link: header.linkname ?? '' });
      else if (header.type === 'file') add(nodes, place, { content: Buffer.from(data ?? []) });
      else if (header.type === 'directory') add(nodes, place, { names: new Set() });
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

/** "./sys/block/" → "/sys/block"; undefined for a name that leaves the archive. */
function placeOf(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
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
