// Replaces identifying values by fakes in every read of a capture: contents, names, links and paths, in
// every spelling. The decisions of the probes and of identify() stay the same.
import { AppError } from '../core/errors.ts';
import { uuidPlaceholder, uuidWeakness } from '../identity/placeholders.ts';
import { swapUuidBytes } from '../identity/uuid.ts';
import type { Facts } from '../model/inventory.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';
import type { Piece } from '../probes/contents/fields.ts';
import { recogniseWithin } from '../probes/contents/recognise.ts';
import { readVolumeGroup } from '../probes/contents/volume-group.ts';
import type { Asked, Outcome, Read } from '../sources/captured/recording.ts';
import { Fakes } from './fakes.ts';
import { rewriteNetworkText } from './network-texts.ts';
import { blankUndecoded, identifyingStrings } from './redact-dmi.ts';
import { isDisk } from './scrub.ts';
import { findSecrets, isHostFile, type SecretKind, type Secrets } from './secrets.ts';
import { fakeOf, Replacer } from './spellings.ts';

const rawTable = '/sys/firmware/dmi/tables/DMI';

/** Returns the reads with fakes in them. Errors: AppError `internal.bug` if a secret would remain. */
export function redact(reads: readonly Read[], facts: Partial<Facts>): Read[] {
  const secrets = findSecrets(reads, facts);
  for (const { asked, outcome } of reads) {
    if (!('value' in outcome) || !(outcome.value instanceof Uint8Array)) continue;
    if (isRawTable(asked)) for (const text of identifyingStrings(outcome.value)) secrets.add(text);
    if (isDiskRead(asked)) addIds(secrets, pieceOf(asked, outcome.value));
  }
  const redaction = new Redaction(secrets);
  const redacted = reads.map((read) => redaction.apply(read));
  redaction.verify(redacted);
  return redacted;
}

type DiskRead = Extract<Asked, { read: 'bytes' }>;

function isDiskRead(asked: Asked): asked is DiskRead {
  return asked.read === 'bytes' && isDisk(asked.path);
}

function pieceOf({ range }: DiskRead, bytes: Uint8Array): Piece {
  return { offset: range?.offset ?? 0, bytes };
}

/** The ids of file systems, arrays and pools, in the spelling that is on the disk. */
function addIds(secrets: Secrets, piece: Piece): void {
  for (const { type, uuid, group } of recogniseWithin(piece).findings) {
    secrets.add(type === 'LVM2_member' ? uuid?.replaceAll('-', '') : uuid);
    secrets.add(type === 'zfs_member' && group ? BigInt(group).toString(16) : group);
  }
  const members = readVolumeGroup(piece.bytes)?.group.members ?? new Map<string, { id: string }>();
  for (const { id } of members.values()) secrets.add(id.replaceAll('-', ''));
}

/** Blanks the names that people gave to file systems and volume groups: many hold a host name. */
function withoutNames(piece: Piece): Uint8Array {
  const bytes = Uint8Array.from(piece.bytes);
  for (const [start, end] of recogniseWithin(piece).names) bytes.fill(letterX, start, end);
  return bytes;
}

const letterX = 'x'.charCodeAt(0);

function isRawTable(asked: Asked): boolean {
  return asked.read === 'bytes' && asked.path === rawTable;
}

/** True if a fake leads to the same decisions: it is not a placeholder, and as weak or strong. */
function decidesAlike(fake: string, original: string): boolean {
  return (
    dropPlaceholder(fake) !== null &&
    (uuidPlaceholder(fake) === undefined) === (uuidPlaceholder(original) === undefined) &&
    uuidWeakness(fake) === uuidWeakness(original)
  );
}

/** Host names, and the odd asset tag in words, are not looked for in paths, which are full of words. The
 *  shortest are part of too many other words to be looked for at all. */
function isWord(value: string, kind: SecretKind): boolean {
  return kind === 'host' || (kind === 'text' && !/\d/.test(value));
}

/** The properties that probes read. The rest, links and names of partitions among them, says much of people. */
const udevRead =
  /^E:(?:SCSI_IDENT_SERIAL|ID_(?:SCSI_SERIAL|SERIAL(?:_SHORT)?|MODEL(?:_ENC)?|WWN(?:_WITH_EXTENSION)?|BUS|PATH|ATA_ROTATION_RATE_RPM|FS_TYPE|FS_UUID(?:_ENC)?|FS_LABEL(?:_ENC)?|NET_NAME_MAC))=/;

function onlyUdevRead(text: string): string {
  return text
    .split('\n')
    .filter((line) => udevRead.test(line))
    .map(
      (line) =>
        `${line.replace(/(?<=^E:ID_FS_LABEL\w*=).*/, (label) => 'x'.repeat(label.length))}\n`,
    )
    .join('');
}

class Redaction {
  /** Spellings for names, paths and contents. */
  readonly #inNames: Replacer;
  /** More spellings, for contents only. */
  readonly #words: Replacer;
  readonly #raw: readonly (readonly [from: Buffer, to: Buffer])[];

  readonly #secrets: Secrets;
  readonly #fakes: Fakes;

  constructor(secrets: Secrets) {
    const fakes = new Fakes([...secrets.kinds.keys()], decidesAlike);
    this.#secrets = secrets;
    this.#fakes = fakes;
    this.#inNames = new Replacer(secrets, fakes, (value, kind) => !isWord(value, kind));
    this.#words = new Replacer(
      secrets,
      fakes,
      (value, kind) => isWord(value, kind) && value.length >= 4,
    );
    this.#raw = [...secrets.kinds].flatMap(([value, kind]) =>
      kind === 'text' || kind === 'host' ? [] : rawPairs(value, fakeOf(value, kind, fakes)),
    );
  }

  apply({ asked, outcome }: Read): Read {
    const names = (text: string): string => this.#inNames.replace(text);
    const renamed =
      asked.read === 'exec'
        ? { ...asked, args: asked.args.map(names) }
        : { ...asked, path: names(asked.path) };
    return { asked: renamed, outcome: this.#outcome(asked, outcome) };
  }

  #outcome(asked: Asked, outcome: Outcome): Outcome {
    if ('absent' in outcome) return outcome;
    if ('error' in outcome) {
      const { code, message, reason } = outcome.error;
      const error = { code, message: this.#text(message) };
      return { error: reason === undefined ? error : { ...error, reason: this.#text(reason) } };
    }
    const { value } = outcome;
    if (value instanceof Uint8Array) return { value: this.#bytes(asked, value) };
    if (typeof value !== 'string')
      return { value: value.map((name) => this.#inNames.replace(name)) };
    if (asked.read === 'link') return { value: this.#inNames.replace(value) };
    const network = rewriteNetworkText(asked, value, this.#fakes);
    if (network !== undefined) return { value: this.#text(this.#shortHosts(network)) };
    if (asked.read === 'text' && asked.path.startsWith('/run/udev/data/')) {
      return { value: this.#text(onlyUdevRead(value)) };
    }
    if (asked.read === 'exec') return { value: this.#text(withoutUndecoded(value)) };
    return { value: isHostFile(asked.path) ? this.#host(value) : this.#text(value) };
  }

  /** Redacts a file that holds the host name and nothing else. */
  #host(text: string): string {
    const name = text.trim();
    return this.#secrets.kinds.get(name) === 'host'
      ? text.replace(name, this.#fakes.of(name))
      : text;
  }

  /** A host name of three letters or fewer is a part of too many words: it counts where it stands in a path or as
   *  a value. */
  #shortHosts(text: string): string {
    let replaced = text;
    for (const [name, kind] of this.#secrets.kinds) {
      if (kind !== 'host' || name.length > 3) continue;
      const alone = new RegExp(`(?<=[/:=@])${name.replaceAll('.', '\\.')}(?=[/:,.\\s"]|$)`, 'gi');
      replaced = replaced.replaceAll(alone, this.#fakes.of(name));
    }
    return replaced;
  }

  #text(text: string): string {
    return this.#words.replace(this.#inNames.replace(text));
  }

  #bytes(asked: Asked, value: Uint8Array): Uint8Array {
    const lease = rewriteNetworkText(asked, Buffer.from(value).toString('latin1'), this.#fakes);
    if (lease !== undefined) return new Uint8Array(Buffer.from(this.#text(lease), 'latin1'));
    const table = isRawTable(asked)
      ? blankUndecoded(value)
      : isDiskRead(asked)
        ? withoutNames(pieceOf(asked, value))
        : value;
    const bytes = Buffer.from(this.#text(Buffer.from(table).toString('latin1')), 'latin1');
    for (const [from, to] of this.#raw) {
      for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + to.length)) {
        to.copy(bytes, at);
      }
    }
    // ATA's identity data has the two characters of each word swapped.
    const isAta = asked.read === 'bytes' && asked.path.endsWith('/vpd_pg89');
    return isAta ? swapPairs(this.#inNames, bytes) : new Uint8Array(bytes);
  }

  /** Looks for every spelling once more in what will be written. */
  verify(reads: readonly Read[]): void {
    for (const { asked, outcome } of reads) {
      const value = 'value' in outcome ? outcome.value : undefined;
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
      const rest = value instanceof Uint8Array ? { asked } : { asked, outcome };
      const isLeft =
        this.#inNames.findsIn(JSON.stringify(rest)) ||
        (typeof text === 'string' && this.#inNames.findsIn(text));
      if (!isLeft) continue;
      throw new AppError(
        'internal.bug',
        'the capture would still hold a value that --redact should remove; no capture was written',
      );
    }
  }
}

/** A number as raw bytes in both byte orders. Mostly zero bytes are left out: they occur everywhere. */
function rawPairs(value: string, fake: string): (readonly [Buffer, Buffer])[] {
  const from = Buffer.from(value.replaceAll(/[:-]/g, ''), 'hex');
  const to = Buffer.from(fake.replaceAll(/[:-]/g, ''), 'hex');
  if (from.filter((byte) => byte !== 0).length < 4) return [];
  const pairs: (readonly [Buffer, Buffer])[] = [
    [from, to],
    [Buffer.from(from.toReversed()), Buffer.from(to.toReversed())],
  ];
  if (from.length === 16) {
    pairs.push([Buffer.from(swapUuidBytes(from)), Buffer.from(swapUuidBytes(to))]);
  }
  return pairs;
}

function swapPairs(replacer: Replacer, page: Buffer): Uint8Array {
  const even = page.subarray(0, page.length - (page.length % 2));
  const text = replacer.replace(Buffer.from(even).swap16().toString('latin1'));
  const bytes = new Uint8Array(page);
  bytes.set(Buffer.from(text, 'latin1').swap16());
  return bytes;
}

/** Removes the details that no probe decodes from dmidecode's output: OEM strings may hold anything. */
function withoutUndecoded(output: string): string {
  const isKept =
    /^(BIOS|System|Base Board|Chassis|Processor|Cache) Information|^Memory Device|^Physical Memory Array|^IPMI Device|^Onboard Device|^Management Controller Host/;
  let keeps = true;
  const lines = output.split('\n').filter((line) => {
    if (!/^\s/.test(line)) keeps = true;
    const isTitle = /^\S/.test(line) && !line.startsWith('Handle ') && !line.startsWith('#');
    if (isTitle) keeps = isKept.test(line);
    return keeps || isTitle;
  });
  return lines.join('\n');
}
