// Removes what no capture ever keeps, redacted or not: credentials, data of other processes and of disks.
import { parseBtrfs, parseHead, parseOpaque } from '../probes/installed-os/superblock.ts';
import { parameterWords } from '../probes/kernel-command-line.ts';
import { leasePlaceOf, type LeasePlace } from '../probes/network/leases.ts';
import type { Asked, Read } from '../sources/captured/recording.ts';

const removed = 'removed';

const credentialName =
  '(?:[\\w.-]*(?:token|passw(?:or)?d|passphrase|secret|credential|api-?key)[\\w.-]*|(?:[\\w.-]*[._-])?(?:key|auth))';
/** `token=…`, `root.password=…`, `rd.luks.key=…`: removes the value, keeps the name. */
const credential = new RegExp(
  `((?:^|[\\s,;?&"'])${credentialName}=)("[^"]*"|'[^']*'|[^\\s,;&]+)`,
  'gi',
);
/** The same as a kernel parameter, whose value ends only at a blank. */
const credentialParameter = new RegExp(`^("?${credentialName}=).+$`, 'is');
/** `https://user:password@host/`, and dracut's `iscsi:user:password@host:…` */
const urlPassword = /(\b(?:[a-z][a-z0-9+.-]*:\/\/|iscsi:))[^\s/@]+@/gi;

/** Removes passwords, tokens and the like from a read. */
export function scrubCredentials(read: Read): Read {
  const { asked, outcome } = read;
  if (!('value' in outcome)) return read;
  const { value } = outcome;
  if (asked.read === 'text' && asked.path.endsWith('/environ') && typeof value === 'string') {
    return { asked, outcome: { value: containerVariable(value) } };
  }
  if (asked.read === 'list' && asked.path === '/proc' && Array.isArray(value)) {
    return { asked, outcome: { value: value.filter((name) => !/^\d+$/.test(name)) } };
  }
  if (asked.read === 'bytes' && isDisk(asked.path) && value instanceof Uint8Array) {
    return { asked, outcome: { value: onlySuperblock(value) } };
  }
  return typeof value === 'string' ? { asked, outcome: { value: scrubText(asked, value) } } : read;
}

function scrubText(asked: Asked, text: string): string {
  if (asked.read === 'exec') return scrub(asked.tool === 'ipmitool' ? withoutSnmp(text) : text);
  if (asked.path === '/proc/cmdline') {
    return text.replaceAll(parameterWords, (word) =>
      scrub(word.replace(credentialParameter, `$1${removed}`)),
    );
  }
  const place = leasePlaceOf(asked.path);
  return scrub(place === undefined ? text : scrubLease(place, text));
}

/** A lease has the server's URL in hex. If that contains a credential, the lease is rewritten. */
function scrubLease(place: LeasePlace, text: string): string {
  const told = place.parse(text);
  const url = scrub(told.url ?? '');
  return url === (told.url ?? '') ? text : place.write({ ...told, url });
}

/** Removes a BMC's community string, which is a password. */
function withoutSnmp(text: string): string {
  return text.replaceAll(/^(SNMP Community String\s*:).*$/gim, `$1 ${removed}`);
}

function scrub(text: string): string {
  return text.replaceAll(credential, `$1${removed}`).replaceAll(urlPassword, `$1${removed}@`);
}

/** Keeps of a process's environment only the variable that names its container. */
function containerVariable(environ: string): string {
  const found = environ.split(/[\0\n]/).find((entry) => entry.startsWith('container='));
  return found === undefined ? '' : `${found}\0`;
}

function isDisk(path: string): boolean {
  return path.startsWith('/dev/') && !path.startsWith('/dev/cpu/');
}

/** The positions of kind and UUID for each file system that superblock.ts knows. */
const telling = {
  xfs: [
    [0, 4],
    [32, 48],
  ],
  ext4: [
    [1080, 1082],
    [1128, 1144],
  ],
  btrfs: [
    [64, 72],
    [32, 48],
  ],
} as const;

/** Blanks everything on a disk's page except what identifies its file system, or what it is instead. */
function onlySuperblock(page: Uint8Array): Uint8Array {
  const blank = new Uint8Array(page.length);
  const found = parseHead(page) ?? parseBtrfs(page);
  const signature = found === undefined ? parseOpaque(page) : undefined;
  if (signature) blank.set(page.subarray(signature.start, signature.end), signature.start);
  for (const [start, end] of found === undefined ? [] : telling[found.type]) {
    blank.set(page.subarray(start, end), start);
  }
  return blank;
}
