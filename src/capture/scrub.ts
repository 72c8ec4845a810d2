// Removes what no capture ever keeps, redacted or not: credentials, data of other processes and of disks.
import { withoutParameterSecret, withoutSecrets } from '../core/text/credentials.ts';
import type { Piece } from '../probes/contents/fields.ts';
import { firstOf, isBlank, recogniseWithin } from '../probes/contents/recognise.ts';
import { parameterWords } from '../probes/kernel-command-line.ts';
import { leasePlaceOf, type LeasePlace } from '../probes/network/leases.ts';
import type { Asked, Read } from '../sources/captured/recording.ts';

const removed = 'removed';

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
    return {
      asked,
      outcome: { value: onlyRecognised({ offset: asked.range?.offset ?? 0, bytes: value }) },
    };
  }
  const place = asked.read === 'bytes' ? leasePlaceOf(asked.path) : undefined;
  if (place !== undefined && value instanceof Uint8Array) {
    const text = scrubLease(place, Buffer.from(value).toString('latin1'));
    return { asked, outcome: { value: new Uint8Array(Buffer.from(text, 'latin1')) } };
  }
  return typeof value === 'string' ? { asked, outcome: { value: scrubText(asked, value) } } : read;
}

function scrubText(asked: Asked, text: string): string {
  if (asked.read === 'exec')
    return withoutSecrets(asked.tool === 'ipmitool' ? withoutSnmp(text) : text);
  if (asked.path === '/proc/cmdline') {
    return text.replaceAll(parameterWords, withoutParameterSecret);
  }
  if (asked.path === '/proc/self/mountinfo') return onlyDisks(text);
  const place = leasePlaceOf(asked.path);
  return withoutSecrets(place === undefined ? text : scrubLease(place, text));
}

/** A lease has the server's URL in hex. If that contains a credential, the file is rewritten; so is a packet, which
 *  has more in it than is read. */
function scrubLease(place: LeasePlace, text: string): string {
  const leases = place.parse(text);
  const isClean = leases.every(({ url = '' }) => withoutSecrets(url) === url);
  if (isClean && place.isBinary !== true) return text;
  return leases
    .map((told) =>
      place.write(told.url === undefined ? told : { ...told, url: withoutSecrets(told.url) }),
    )
    .join('');
}

/** Keeps of the mounts those of block devices, with what probes read of them: sources name servers and people. */
function onlyDisks(mountinfo: string): string {
  const kept = mountinfo.split('\n').flatMap((line) => {
    const [id, parent, device = '', top, point] = line.split(' ');
    const type = / - (\S+) /.exec(line)?.[1];
    const isOnDisk = /^[1-9]\d*:\d+$/.test(device) && type !== undefined;
    return isOnDisk ? [`${id} ${parent} ${device} ${top} ${point} rw - ${type} none rw\n`] : [];
  });
  return kept.join('');
}

/** Removes a BMC's community string, which is a password. */
function withoutSnmp(text: string): string {
  return text.replaceAll(/^(SNMP Community String\s*:).*$/gim, `$1 ${removed}`);
}

/** Keeps of a process's environment only the variable that names its container. */
function containerVariable(environ: string): string {
  const found = environ.split(/[\0\n]/).find((entry) => entry.startsWith('container='));
  return found === undefined ? '' : `${found}\0`;
}

/** True for a disk or a partition. */
export function isDisk(path: string): boolean {
  return path.startsWith('/dev/') && !path.startsWith('/dev/cpu/');
}

/** Blanks everything on a piece of a disk except what tells its contents. Of other data one byte says that
 *  there is some. */
function onlyRecognised(piece: Piece): Uint8Array {
  const { bytes } = piece;
  const { known } = recogniseWithin(piece);
  const kept = new Uint8Array(bytes.length);
  for (const [start, end] of known) kept.set(bytes.subarray(start, end), start);
  if (!isBlank(bytes, known)) kept[firstOf(bytes, known, 0)] = 1;
  return kept;
}
