// A directory on disk as a tree of another machine's files.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { readFile } from './read-file.ts';
import type { Tree } from './tree.ts';

/** The tree below `top`. */
export function directoryTree(top: string): Tree {
  return {
    target(path) {
      const stat = lstatSync(top + path, { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      return stat.isSymbolicLink() ? readlinkSync(top + path) : null;
    },
    names: (path) => readdirSync(top + path),
    read: (path, shown, range) =>
      readFile(top + path, shown, { range, noFollow: true }, (bytes) => bytes),
  };
}
