// Parses files of an installed Linux system that describe it and its boot. Pure.
import { parseMountinfo } from '../../sources/mountinfo.ts';
import { clean } from '../reading.ts';

/** The name of an operating system for people; undefined if the file has none.
 *  Source: os-release(5). */
export function parseOsName(osRelease: string): string | undefined {
  const values = new Map<string, string>();
  for (const line of osRelease.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined) values.set(match[1], unquote(match[2] ?? ''));
  }
  const name = values.get('PRETTY_NAME') || values.get('NAME') || values.get('ID');
  return name === undefined || name === '' ? undefined : name;
}

function unquote(value: string): string {
  const inner = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  return clean(inner.replaceAll(/\\([\\"'$`])/g, '$1'));
}

/** The device that fstab mounts at a place: "UUID=…", "/dev/…"; undefined if it mounts nothing there.
 *  Source: fstab(5). */
export function fstabSource(fstab: string, place: string): string | undefined {
  for (const line of fstab.split('\n')) {
    const [source, target] = line.trim().split(/\s+/);
    if (source !== undefined && !source.startsWith('#') && target === place) return source;
  }
  return undefined;
}

/** The newest kernel of a boot directory and the initial RAM disk that belongs to it, as names. */
export function chooseKernel(names: readonly string[]): {
  kernel: string | undefined;
  initrd: string | undefined;
} {
  const kernels = names.filter((name) => /^(vmlinu[xz]|Image|linux)([-.]|$)/.test(name));
  const usable = kernels.filter((name) => !/rescue|\.(old|hmac|sig|efi\.signed)$/.test(name));
  const kernel = usable.toSorted(newestFirst)[0];
  if (kernel === undefined) return { kernel, initrd: undefined };
  const version = kernel.replace(/^(vmlinu[xz]|Image|linux)-?/, '');
  const forms = [
    `initrd.img-${version}`,
    `initramfs-${version}.img`,
    `initrd-${version}`,
    `initrd-${version}.img`,
    'initrd.img',
    'initrd',
  ];
  return { kernel, initrd: forms.find((name) => names.includes(name)) };
}

/** Sorts "vmlinuz-6.10" before "vmlinuz-6.9", and a name without a version (a link) last. */
function newestFirst(a: string, b: string): number {
  const [partsA, partsB] = [a, b].map((name) => name.match(/\d{1,15}/g)?.map(Number) ?? []);
  for (let i = 0; i < Math.max(partsA?.length ?? 0, partsB?.length ?? 0); i++) {
    const difference = (partsB?.[i] ?? -1) - (partsA?.[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The mount point of each device, by "major:minor"; "" for the root itself. Of a device's mounts the
 *  first one of the whole file system counts. Source: /proc/self/mountinfo. */
export function mountedAt(mountinfo: string): Map<string, string> {
  const mounts = new Map<string, string>();
  for (const { device, top, point } of parseMountinfo(mountinfo)) {
    if (top === '/' && !mounts.has(device)) mounts.set(device, point === '/' ? '' : point);
  }
  return mounts;
}
