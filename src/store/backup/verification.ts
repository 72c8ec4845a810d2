// The check of a whole file before anything of it is restored: each line is a record that this version can read.
import { createHash } from 'node:crypto';
import { AppError, isAppError } from '../../core/errors.ts';
import { parseDocument } from '../collections/json.ts';
import { recordKey } from '../collections/kinds.ts';
import { backupFormat, formatVersion } from '../format.ts';
import { readDragonflys, type Stored } from './dragonflys-documents.ts';
import { linesOf, operationsOf, readRecord } from './records.ts';

/** A file whose lines were all checked. */
export interface Verified {
  readonly records: number;
  readonly sha256: string;
}

/** The lines of a file whose records cannot be read. */
export class Faults {
  readonly #arePassed: boolean;
  readonly #lines = new Map<number, string>();

  constructor(arePassed: boolean) {
    this.#arePassed = arePassed;
  }

  get count(): number {
    return this.#lines.size;
  }

  of(line: number): string | undefined {
    return this.#lines.get(line);
  }

  /** True if the check of a line passes. Errors: those of the check, where faults are not passed over. */
  passes(line: number, check: () => void): boolean {
    try {
      check();
      return true;
    } catch (err) {
      if (!isAppError(err, 'backup.damaged')) throw err;
      if (!this.#arePassed) throw withAdvice(err);
      this.#lines.set(line, err.message);
      return false;
    }
  }
}

function withAdvice({ code, message, cause }: AppError): AppError {
  const advice = 'use another copy, or restore the rest of this one with --skip-damaged';
  return new AppError(code, `${message}: ${advice}`, { cause });
}

/** Reads a backup to its end. Errors: AppError `backup.damaged`, `backup.failed`, `store.incompatible`. */
export async function verify(path: string, faults: Faults): Promise<Verified> {
  const hash = createHash('sha256');
  let records = -1;
  let last: string | undefined;
  for await (const line of linesOf(path)) {
    if (last !== undefined) {
      if (records === -1) checkHeader(last, path);
      else passesRecord(faults, readRecord(last), path, records + 2);
      records += 1;
      hash.update(`${last}\n`);
    }
    last = line;
  }
  const sha256 = hash.digest('hex');
  if (last !== JSON.stringify({ records, sha256 })) throw damaged(path);
  return { records, sha256 };
}

/** Reads a file of Dragonfly's documents to its end. Errors: AppError `backup.damaged`, `backup.failed`. */
export async function verifyDocuments(path: string, faults: Faults): Promise<Verified> {
  const hash = createHash('sha256');
  const keys = new Set<string>();
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    hash.update(`${line}\n`);
    if (line.trim() === '') continue;
    const record = readDragonflys(line);
    if (record === undefined) {
      throw new AppError(
        'backup.damaged',
        `line ${number} of ${path} is not a machine, template or workflow of Dragonfly: give each document a line of its own`,
      );
    }
    if (!passesRecord(faults, record, path, number)) continue;
    const key = recordKey(record.kind, record.kind.name(record.document));
    // The index entries of the first one would lead to the second.
    if (keys.has(key)) {
      throw new AppError(
        'backup.damaged',
        `line ${number} of ${path} holds ${key} a second time: leave one of them out`,
      );
    }
    keys.add(key);
  }
  const records = keys.size + faults.count;
  if (records === 0) throw new AppError('backup.damaged', `${path} holds no documents`);
  return { records, sha256: hash.digest('hex') };
}

function checkHeader(line: string, path: string): void {
  let header: { format?: unknown; version?: unknown };
  try {
    header = parseDocument('header', line);
  } catch {
    throw damaged(path);
  }
  if (header.format !== backupFormat || typeof header.version !== 'number') throw damaged(path);
  if (header.version > formatVersion) {
    throw new AppError(
      'store.incompatible',
      `${path} was written by a newer version (format ${header.version}): use that version`,
    );
  }
}

function passesRecord(
  faults: Faults,
  record: Stored | undefined,
  path: string,
  number: number,
): boolean {
  return faults.passes(number, () => checkRecord(record, path, number));
}

/** Refuses a line that is no record, or one that this version could not find again or read. */
function checkRecord(record: Stored | undefined, path: string, number: number): void {
  if (record === undefined) {
    throw new AppError(
      'backup.damaged',
      `line ${number} of ${path} is not a record that this version knows`,
    );
  }
  const { kind, document } = record;
  const unreadable = (field: string, cause?: unknown): AppError =>
    new AppError(
      'backup.damaged',
      `cannot read the record of ${kind.table} in line ${number} of ${path}: ${field} is missing or of another type`,
      { cause },
    );
  const fault = kind.shape(document);
  if (fault !== undefined) throw unreadable(fault);
  try {
    operationsOf(kind, document);
    kind.mended?.(document);
  } catch (cause) {
    throw unreadable('a field that every such record has', cause);
  }
}

function damaged(path: string): AppError {
  return new AppError(
    'backup.damaged',
    `${path} is damaged, or it is not a backup: use another one`,
  );
}
