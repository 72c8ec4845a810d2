// Hints that name a machine's root device, in Ironic's notation: all of them must match. Pure.
// Source: OpenStack Ironic, "Specifying the disk for deployment (root device hints)".
import { AppError } from '../../../core/errors.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';

type HintValue = string | number | boolean;
export type Hints = Readonly<Record<string, HintValue>>;

/** Each hint and the value that it is compared with; undefined where the machine's agent did not tell. */
const properties: Readonly<
  Record<string, (disk: StoredDisk) => string | number | boolean | null | undefined>
> = {
  name: ({ device }) => device,
  model: ({ model }) => model,
  // ATA is the layer that speaks SCSI for the disk.
  vendor: ({ vendor, model }) =>
    vendor !== undefined && vendor !== null && vendor !== 'ATA' ? vendor : model?.split(/[ _]/)[0],
  serial: ({ serial }) => serial,
  wwn: ({ wwn }) => wwn && bareWwn(wwn),
  hctl: ({ hctl }) => hctl,
  by_path: ({ by_path }) => by_path && `${byPath}${by_path}`,
  // Whole GiB, as Ironic counts.
  size: ({ size_bytes }) => Math.floor(Number(size_bytes) / 2 ** 30),
  rotational: ({ type }) => (type === undefined || type === null ? undefined : type === 'hdd'),
};

/** Hints of Ironic that no agent of ours can answer yet. */
const unanswered = new Set(['wwn_with_extension', 'wwn_vendor_extension']);

/** True if all hints match; undefined if the machine did not report a value that one of them asks for.
 *  Errors: AppError `request.invalid` for a hint that means nothing. */
export function matches(hints: Hints, disk: StoredDisk): boolean | undefined {
  let verdict: boolean | undefined = true;
  for (const [name, wanted] of Object.entries(hints)) {
    const actual = properties[name]?.(disk) ?? undefined;
    const compare = comparison(name, wanted);
    if (actual === undefined) verdict = undefined;
    else if (!compare(actual)) return false;
  }
  return verdict;
}

/** Says of a disk that does not match what it has instead: "has size 447". */
export function difference(hints: Hints, disk: StoredDisk): string | undefined {
  for (const name of Object.keys(hints)) {
    const actual = properties[name]?.(disk) ?? undefined;
    const isFitting = actual !== undefined && matches({ [name]: hints[name] ?? '' }, disk) === true;
    if (!isFitting && actual !== undefined) return `has ${name} ${actual}`;
  }
  return undefined;
}

/** Hints whose text was written as a number, of which the spelling is lost: 00123 is 123. */
export function unquoted(hints: Hints): string[] {
  return Object.entries(hints)
    .filter(([name, value]) => typeof value === 'number' && name !== 'size')
    .map(([name]) => name);
}

/** True if the hints name a disk by a value that no other disk has. */
export function isByName({ serial, wwn }: Hints): boolean {
  return [serial, wwn].some((value) => value !== undefined && isExact(String(value)));
}

/** Errors: AppError `request.invalid` with the hint at fault. */
export function checkHints(hints: Hints): void {
  if (Object.keys(hints).length === 0) throw invalid('it names nothing');
  for (const [name, wanted] of Object.entries(hints)) comparison(name, wanted);
}

type Comparison = (actual: string | number | boolean) => boolean;

const numeric: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  // Ironic's "=" means "at least" for numbers.
  '=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
};
const textual: Readonly<Record<string, (a: string, b: string) => boolean>> = {
  's==': (a, b) => a === b,
  's!=': (a, b) => a !== b,
  's>=': (a, b) => a >= b,
  's<=': (a, b) => a <= b,
  's>': (a, b) => a > b,
  's<': (a, b) => a < b,
  '<in>': (a, b) => a.includes(b),
  '<all-in>': (a, b) => b.split(/\s+/).every((part) => a.includes(part)),
};
const operator = /^(s==|s!=|s>=|s<=|s>|s<|==|!=|>=|<=|=|>|<in>|<all-in>|<or>|<(?![\w-]))\s+(.*)$/s;
/** An operator of Ironic's that is not known here, or a known one with nothing behind it. */
const looksLikeOperator = /^(?:<[\w-]+>|(?:s?[=!<>]=?|[=!]=)(?:\s|$))/;

function comparison(name: string, wanted: HintValue): Comparison {
  if (unanswered.has(name)) throw invalid(`"${name}" cannot be answered by this server's agents`);
  if (!Object.hasOwn(properties, name)) {
    throw invalid(`"${name}" is not a hint; there are ${Object.keys(properties).join(', ')}`);
  }
  if (name === 'rotational') return booleanComparison(wanted);
  const text = String(wanted).trim();
  const [, sign, rest = ''] = operator.exec(text) ?? [];
  if (sign === '<or>') {
    const choices = rest.split(/\s*<or>\s+/).map((choice) => comparison(name, choice));
    return (actual) => choices.some((fits) => fits(actual));
  }
  if (name === 'size') return sizeComparison(sign ?? '==', sign === undefined ? text : rest, text);
  if (sign === undefined && looksLikeOperator.test(text)) {
    throw invalid(
      `"${name}" has "${text}", of which the operator is none, or compares with nothing: there are ${Object.keys(textual).join(', ')} and <or>`,
    );
  }
  const compare = textual[sign ?? 's=='];
  if (compare === undefined) throw invalid(`"${name}" is text: ${String(sign)} compares numbers`);
  const value = spelling(name, sign === undefined ? text : rest);
  if (value === '') throw invalid(`"${name}" names nothing`);
  return (actual) => compare(spelling(name, String(actual)), value);
}

function booleanComparison(wanted: HintValue): Comparison {
  const text = String(wanted).toLowerCase();
  if (text !== 'true' && text !== 'false') throw invalid('"rotational" must be true or false');
  return (actual) => String(actual) === text;
}

function sizeComparison(sign: string, number: string, text: string): Comparison {
  const compare = numeric[sign];
  const value = Number(number);
  if (compare === undefined || number.trim() === '' || !Number.isFinite(value)) {
    throw invalid(`"size" must be a number of GiB, as 100 or ">= 100", not "${text}"`);
  }
  return (actual) => compare(Number(actual), value);
}

function isExact(text: string): boolean {
  const [, sign = 's=='] = operator.exec(text.trim()) ?? [];
  return sign === 's==' || sign === '==';
}

/** Compared without case; a WWN without the prefixes that programs put before it. */
function spelling(name: string, text: string): string {
  const lower = text.trim().toLowerCase();
  if (name === 'by_path') return barePath(lower);
  return name === 'wwn' ? bareWwn(lower) : lower;
}

/** The links of udev by a disk's place. */
const byPath = '/dev/disk/by-path/';

/** A place without its directory, and as udev wrote it before it told ports of SATA multipliers apart: "ata-1" and
 *  "ata-1.0" are one. Source: systemd's udev-builtin-path_id.c, ID_PATH_ATA_COMPAT. */
export function barePath(path: string): string {
  return path.replace(byPath, '').replace(/(-ata-\d+)\.0$/, '$1');
}

/** A WWN without the prefixes that programs put before it. */
export function bareWwn(wwn: string): string {
  return wwn.toLowerCase().replace(/^(?:naa\.|eui\.|wwn-|0x)+/, '');
}

function invalid(why: string): AppError {
  return new AppError('request.invalid', `root_device: ${why}`, {
    details: { path: 'root_device' },
  });
}
