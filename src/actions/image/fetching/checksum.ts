// Finds the checksum of a file in a file of checksums. Pure.
import { checksumOf, type Checksum } from '../../../model/image/checksum.ts';

/** The checksum of the file at `path` in the text of a file such as SHA256SUMS; a file with one checksum and
 *  no name is about whatever lies beside it. Of files with one name in several folders the one counts whose folders
 *  are the path's, and of its checksums the strongest.
 *  Source: sha256sum(1); the format of BSD's and OpenSSL's with the name in front. */
export function findChecksum(text: string, path: string): Checksum | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const found = lines.flatMap((line) => {
    const bsd = /^SHA(?:2-)?(?:256|512) ?\((.+)\) ?= ([0-9a-f]+)$/i.exec(line);
    const [, hex = '', file = '-'] = bsd
      ? ['', bsd[2], bsd[1]]
      : (/^([0-9a-f]+)(?:\s+\*?(.+))?$/i.exec(line) ?? []);
    const checksum = checksumOf(hex);
    return checksum === undefined ? [] : [{ checksum, file, shared: sharedNames(file, path) }];
  });
  const most = Math.max(1, ...found.map(({ shared }) => shared));
  const named = found.filter(({ shared }) => shared === most);
  // A file that was read from a pipe has the name "-".
  const alone = found.length === 1 && found[0]?.file === '-' ? found : [];
  return [...named, ...alone]
    .map(({ checksum }) => checksum)
    .toSorted((a, b) => b.hex.length - a.hex.length)[0];
}

/** The path of the file that a URL names. */
export function filePathOf(url: string): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

/** The number of names that two paths have in common, from the last one on. */
function sharedNames(one: string, other: string): number {
  const [a, b] = [one, other].map((path) => path.split('/').toReversed());
  const differs = a?.findIndex((name, i) => name !== b?.[i]) ?? 0;
  return differs === -1 ? (a?.length ?? 0) : differs;
}
