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
  '00112233-4455-6677-8899-aabbccddeeff',
  '07090201-0103-0301-0807-060504030201',
  'dc698397-fa54-4cf2-82c8-b1b5307a6a7f',
  '8e275844-178f-44a8-aceb-a7d7e5178c63',
  '890e2d14-cacd-45d1-ae66-bc80e8bfeb0f',
];
// A list: V8 keeps each text that is looked for in a set, which takes longer than to compare it with these.
const sharedDigits = shared.flatMap((uuid) => [uuidDigits(uuid), swapped(uuid)]);

/** Left half filled, in either byte order: zeros with no more than a version and a variant, zeros and ones, ones
 *  behind four bytes. */
const halfFilled =
  /^(?:0{12}(?:[0-9a-f]0{3}|00[0-9a-f]0)[089a-f]0{15}|0{20}f{12}|[0-9a-f]{8}f{24})$/;

/** Dell makes it of the service tag; here, in either byte order, one of blanks. */
const blankTag =
  /^(?:4c4c454400(?:00|20){2}10|44454c4c(?:00|20)0010(?:00|20))80(?:00|20)(?:80|a0)c04f(?:00|20){3}$/;

const unset = new Set(['', '--', 'not settable', 'not present', 'not specified']);

const sameBytes: Readonly<Record<string, string>> = {
  '00': 'all-zero placeholder',
  ff: 'all-ones placeholder',
};

/** Says why a system UUID identifies nothing; undefined if it does.
 *  Source: rules for smbios_uuid, compared in both byte orders. */
export function uuidPlaceholder(uuid: string): string | undefined {
  const text = uuid.trim().toLowerCase();
  if (!isUuid(text)) return unset.has(text) ? 'not set by the vendor' : 'not a UUID';
  const hex = uuidDigits(text);
  if (/^(..)\1{15}$/.test(hex)) return sameBytes[hex.slice(0, 2)] ?? 'placeholder: all bytes equal';
  if (sharedDigits.some((one) => one === hex)) return 'placeholder shared by many machines';
  if (halfFilled.test(hex)) return 'placeholder: only half filled';
  if (blankTag.test(hex)) return "placeholder: Dell's, without a service tag";
  // In either byte order.
  const isDeadBeef = hex.startsWith('deadbeef') || hex.startsWith('efbeadde');
  return isDeadBeef ? 'placeholder: dead beef' : undefined;
}

/** The UUID of a record; null also for one that is known by now to be nobody's. */
export function ownUuid(uuid: string | null | undefined): string | null {
  const isNone = uuid === null || uuid === undefined || uuidPlaceholder(uuid) !== undefined;
  return isNone ? null : uuid;
}

function swapped(digits: string): string {
  return uuidDigits(swapUuid(digits));
}

/** The template of AMI's firmware (03000200-0400-0500-0006-000700080009) with a board's MAC address
 *  woven in: "032e02b4-0499-0533-a106-940700080009" has b4:2e:99:33:a1:94. */
const wovenTemplate = /^03..02..04..05....06..0700080009$/;

/** A MAC address and zeros: behind them on boards of Supermicro, before them on ASRock's. */
const macAlone = /^0{20}|0{20}$/;

/** Says why a unique system UUID is weak evidence all the same: it only repeats a MAC address. */
export function uuidWeakness(uuid: string): string | undefined {
  const digits = [uuidDigits(uuid), swapped(uuid)];
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
