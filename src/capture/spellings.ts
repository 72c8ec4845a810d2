// Knows all spellings of an identifying value, each with its fake, and replaces them in text.
import { dashed, swapUuid } from '../identity/uuid.ts';
import type { Fakes } from './fakes.ts';
import type { SecretKind, Secrets } from './secrets.ts';

/** A spelling as it occurs in text, and its replacement. */
type Spelling = readonly [from: string, to: string];

/** Shorter values are replaced only as whole words: "1234" is part of many numbers. */
const lengthOfDistinct = 8;

/** Replaces all spellings of all secrets. */
export class Replacer {
  readonly #fakes = new Map<string, string>();
  readonly #pattern: RegExp | undefined;

  constructor(
    secrets: Secrets,
    fakes: Fakes,
    isMeant: (value: string, kind: SecretKind) => boolean,
  ) {
    const patterns = new Map<string, string>();
    for (const [value, kind] of secrets.kinds) {
      if (!isMeant(value, kind)) continue;
      for (const [from, to] of spellings(value, fakeOf(value, kind, fakes), kind)) {
        const key = from.toLowerCase();
        if (!this.#fakes.has(key)) this.#fakes.set(key, to);
        patterns.set(key, patternOf(from, kind));
      }
    }
    for (const text of secrets.placeholders) {
      this.#fakes.set(text.toLowerCase(), text);
      patterns.set(text.toLowerCase(), patternOf(text, 'text'));
    }
    // Longest first, so that no value is spoiled by the fake of a part of it.
    const sorted = [...patterns.entries()].toSorted(([a], [b]) => b.length - a.length);
    const source = sorted.map(([, pattern]) => pattern).join('|');
    this.#pattern = source === '' ? undefined : new RegExp(source, 'gi');
  }

  /** Puts fakes into a text. Its length stays, and each letter keeps the case of the one it replaces. */
  replace(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replaceAll(this.#pattern, (found) =>
      fitted(this.#fakes.get(found.toLowerCase()) ?? '', found),
    );
  }

  /** True if any secret is still in the text. */
  findsIn(text: string): boolean {
    for (const [found] of this.#pattern === undefined ? [] : text.matchAll(this.#pattern)) {
      if (this.#fakes.get(found.toLowerCase())?.toLowerCase() !== found.toLowerCase()) return true;
    }
    return false;
  }
}

/** Makes the fake of a secret. A MAC keeps its vendor; a UUID made from a MAC stays made from one. */
export function fakeOf(value: string, kind: SecretKind, fakes: Fakes): string {
  const hex = { hex: /[a-f]/.test(value) };
  if (kind === 'mac') return fakes.of(value, { hex: true, keep: value.length - 'xx:xx:xx'.length });
  if (kind === 'uuid') {
    const prefix = '00000000-0000-0000-0000-';
    return fakes.of(value, { hex: true, keep: value.startsWith(prefix) ? prefix.length + 6 : 0 });
  }
  return fakes.of(value, kind === 'hex' ? hex : {});
}

function spellings(value: string, fake: string, kind: SecretKind): Spelling[] {
  const each = (write: (text: string) => string): Spelling => [write(value), write(fake)];
  switch (kind) {
    case 'mac':
      return macSpellings.map(each);
    case 'uuid':
      return [
        each(same),
        each(bare),
        each(ofArray),
        each(swapUuid),
        each((text) => bare(swapUuid(text))),
      ];
    case 'hex':
      return value.length === 32 ? [each(same), each(dashed)] : [each(same)];
    case 'text':
      return [
        each(same),
        each((t) => t.replaceAll(' ', '_')),
        each((t) => t.replaceAll(' ', '\\x20')),
        each(ofMember),
      ];
    case 'host':
      return [each(same)];
  }
}

const same = (text: string): string => text;
const bare = (text: string): string => text.replaceAll(/[:-]/g, '');
/** As mdadm and dracut write it. */
const ofArray = (uuid: string): string => bare(uuid).replaceAll(/(.{8})(?=.)/g, '$1:');
/** The id of an LVM member, as its metadata writes it. */
const ofMember = (text: string): string =>
  /^\w{32}$/.test(text) ? text.replaceAll(/^.{6}|.{4}(?=.{6})/g, '$&-') : text;
const macSpellings: readonly ((mac: string) => string)[] = [
  same,
  (mac) => mac.replaceAll(':', '-'),
  bare,
  (mac) => bare(mac).replaceAll(/(.{4})(?=.)/g, '$1.'),
  interfaceId,
  (mac) => groups(interfaceId(mac)),
];

/** The half of an IPv6 address that is made from a MAC: 52:54:00:00:00:01 → 505400fffe000001. */
export function interfaceId(mac: string): string {
  const digits = bare(mac).slice(0, 12);
  const first = (parseInt(digits.slice(0, 2), 16) ^ 2).toString(16).padStart(2, '0');
  return `${first}${digits.slice(2, 6)}fffe${digits.slice(6)}`;
}

/** The MAC that an interface id is made from; undefined for other ids. */
export function macOfInterfaceId(id: string): string | undefined {
  const [, start, end] = /^([0-9a-f]{6})fffe([0-9a-f]{6})$/.exec(id) ?? [];
  if (start === undefined || end === undefined) return undefined;
  const first = (parseInt(start.slice(0, 2), 16) ^ 2).toString(16).padStart(2, '0');
  return `${first}${start.slice(2)}${end}`.replaceAll(/(..)(?=.)/g, '$1:');
}

/** The same as written in an address: "5054:ff:fe00:1". */
function groups(digits: string): string {
  return (digits.match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, '')).join(':');
}

function patternOf(from: string, kind: SecretKind): string {
  const literal = from.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const standsAlone = kind === 'host' || (kind === 'text' && from.length < lengthOfDistinct);
  return standsAlone ? `(?<![a-z0-9])${literal}(?![a-z0-9])` : literal;
}

/** Gives `fake` the case and the length of `found`, because nothing in a binary table may move. */
function fitted(fake: string, found: string): string {
  const text = fake.padEnd(found.length, '0').slice(0, found.length);
  if (found === found.toLowerCase()) return text.toLowerCase();
  if (found === found.toUpperCase()) return text.toUpperCase();
  const letters = Array.from({ length: text.length }, (_, i) => {
    const [model, letter] = [found.charAt(i), text.charAt(i)];
    return model === model.toLowerCase() ? letter.toLowerCase() : letter.toUpperCase();
  });
  return letters.join('');
}
