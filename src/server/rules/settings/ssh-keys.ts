// The public keys that may log in to a machine in the netboot image, from the setting that names them. Pure.
import { createHash } from 'node:crypto';
import type { Machine } from '../../../model/machine.ts';
import type { RemoteShell, StoredShell } from '../../../model/remote-shell.ts';
import { isPublicKey, mostPublicKeys } from '../../../model/ssh-key.ts';

/** In three places, as all settings for booting: also `boot.ssh_keys.tag.TAG` and `boot.ssh_keys.machine.ID`. */
export const sshKeysSetting = 'boot.ssh_keys';

/** Shorter RSA keys can be broken, or soon will be. */
const leastRsaBits = 2048;

/** The keys of a setting, without comments and blank lines; undefined where a line is no public key, or there are too
 *  many. Options before a key (`command=`, `from=`) are none. Shape: "TYPE BASE64". */
export function parseSshKeys(text: string): readonly string[] | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const keys = lines.map(parseKey).filter((key) => key !== undefined);
  return keys.length === lines.length && keys.length <= mostPublicKeys
    ? [...new Set(keys)]
    : undefined;
}

function parseKey(line: string): string | undefined {
  if (/\p{Cc}/u.test(line)) return undefined;
  const key = line.split(' ', 2).join(' ');
  if (!isPublicKey(key)) return undefined;
  const [type = '', base64 = ''] = key.split(' ');
  const parts = partsOf(Buffer.from(base64, 'base64'));
  if (parts?.[0]?.toString('latin1') !== type || parts.length < 2) return undefined;
  return type === 'ssh-rsa' && bitsOf(parts[2]) < leastRsaBits ? undefined : key;
}

/** The parts of a key's bytes, each with its length before it; undefined where they do not end with the bytes.
 *  Source: RFC 4253, section 6.6. */
function partsOf(bytes: Buffer): readonly Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return parts;
}

function bitsOf(number: Buffer | undefined): number {
  const digits = number?.toString('hex').replace(/^0+/, '') ?? '';
  return digits === '' ? 0 : BigInt(`0x${digits}`).toString(2).length;
}

/** The keys that may log in to a machine: those of its own setting, else of its tags together, else of all machines.
 *  None where it does not run the netboot image. `settings` has the values by key. */
export function sshKeysFor(
  machine: Machine,
  settings: ReadonlyMap<string, string>,
): readonly string[] {
  if (machine.report?.in_image !== true) return [];
  const own = settings.get(`${sshKeysSetting}.machine.${machine.id}`);
  const byTag = machine.config.tags
    .toSorted()
    .map((tag) => settings.get(`${sshKeysSetting}.tag.${tag}`))
    .filter((value) => value !== undefined);
  const general = settings.get(sshKeysSetting);
  const texts = own !== undefined ? [own] : byTag.length > 0 ? byTag : [general ?? ''];
  // A value that an older server stored unchecked opens nothing.
  const keys = new Set(texts.flatMap((text) => parseSshKeys(text) ?? []));
  return [...keys].slice(0, mostPublicKeys);
}

/** As ssh shows it: "SHA256:" and base64 without padding. */
export function fingerprintOf(key: string): string {
  const [, base64 = ''] = key.split(' ');
  const hash = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}

export function storedShell({ host_key, port }: RemoteShell): StoredShell {
  return { host_key, port, fingerprint: fingerprintOf(host_key) };
}
