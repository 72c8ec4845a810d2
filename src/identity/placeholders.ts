// SMBIOS UUIDs, and WWNs of disks, that many share because a vendor never set them, and why they identify
// nothing. No I/O.
import { isUuid, swapUuid, uuidDigits } from './uuid.ts';

/** Known placeholders. They also count with the first three fields in the other byte order. */
const shared: readonly string[] = [
  '03000200-0400-0500-0006-000700080009',
  '03020100-0504-0706-0809-0a0b0c0d0e0f',
  '10000000-0000-8000-0040-000000000000',
  '6ab5b300-538d-1014-9fb5-b0684d007b53',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '12345678-1234-5678-1234-567812345678',
  '00010203-0405-0607-0809-0a0b0c0d0e0f',
  '01020304-0506-0708-090a-0b0c0d0e0f10',
  '31393138-3538-5a43-3135-353130323750',
  '00000000-0000-0000-0807-060504030201',
  '8a95d198-7f46-11e5-bf8b-08002704d48e',
];
const sharedDigits = new Set(shared.flatMap((uuid) => [uuid, swapUuid(uuid)].map(uuidDigits)));

const unset = new Set(['', '--', 'not settable', 'not present', 'not specified']);

const sameBytes: Readonly<Record<string, string>> = {
  '00': 'all-zero placeholder',
  ff: 'all-ones placeholder',
};

/** Says why a system UUID identifies nothing; undefined if it does.
 *  Source: rules for smbios_uuid, compared in both byte orders. */
export function uuidPlaceholder(uuid: string): string | undefined {
  const text = uuid.trim().toLowerCase();
  if (unset.has(text)) return 'not set by the vendor';
  if (!isUuid(text)) return 'not a UUID';
  const hex = uuidDigits(text);
  if (/^(..)\1{15}$/.test(hex)) return sameBytes[hex.slice(0, 2)] ?? 'placeholder: all bytes equal';
  if (sharedDigits.has(hex)) return 'placeholder shared by many machines';
  // In either byte order.
  const isDeadBeef = hex.startsWith('deadbeef') || hex.startsWith('efbeadde');
  return isDeadBeef ? 'placeholder: dead beef' : undefined;
}

/** The template of AMI's firmware (03000200-0400-0500-0006-000700080009) with a board's MAC address
 *  woven in: "032e02b4-0499-0533-a106-940700080009" has b4:2e:99:33:a1:94. */
const wovenTemplate = /^03..02..04..05....06..0700080009$/;

/** A MAC address and zeros: behind them on boards of Supermicro, before them on ASRock's. */
const macAlone = /^0{20}|0{20}$/;

/** Says why a unique system UUID is weak evidence all the same: it only repeats a MAC address. */
export function uuidWeakness(uuid: string): string | undefined {
  const digits = [uuid, swapUuid(uuid)].map(uuidDigits);
  const isMac = digits.some((order) => macAlone.test(order));
  const isWoven = digits.some((order) => wovenTemplate.test(order));
  return isMac || isWoven ? 'weak: it only repeats a MAC address' : undefined;
}

/** True for a WWN that makers put where a disk has none: nothing but zeros or ones, a registered name without a
 *  maker, a single digit that counts. */
export function isPlaceholderWwn(wwn: string): boolean {
  const digits = wwn.toLowerCase().replaceAll(/^(?:naa\.|eui\.|0x|t10\.|nvme\.|uuid\.)+|-/g, '');
  return /^(?:0+|f+|(?=.{16})0*[0-9a-f]0*|50{14}[01])$/.test(digits);
}
