// The identity of a file on a server, so that pieces of two files are never joined. Pure.
import type { Answer } from './answer.ts';

/** A file as an answer with all of it describes it. */
export class RemoteFile {
  /** Undefined if the server does not state it. */
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  /** True if the server marks the end of the file, so that a cut is noticed. */
  readonly isDelimited: boolean;
  /** The header that asks for a part of this very file; undefined if nothing tells it from another. */
  readonly ifSame: Readonly<Record<string, string>> | undefined;

  constructor({ headers }: Pick<Answer, 'headers'>) {
    const length = headers['content-length'];
    this.sizeBytes = length === undefined ? undefined : Number(length);
    this.isDelimited = length !== undefined || headers['transfer-encoding'] === 'chunked';
    this.etag = headers['etag'];
    const isStrong = this.etag !== undefined && !this.etag.startsWith('W/');
    const validator = isStrong ? this.etag : strongDate(headers);
    this.ifSame = validator === undefined ? undefined : { 'if-range': validator };
  }

  /** True if a partial answer begins at `offset`, in a file as long as this one. */
  isContinuedBy({ headers }: Answer, offset: number): boolean {
    const [, first, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const isSameSize =
      total === '*' || this.sizeBytes === undefined || Number(total) === this.sizeBytes;
    const isSameTag = this.etag === undefined || (headers['etag'] ?? this.etag) === this.etag;
    return Number(first) === offset && isSameSize && isSameTag;
  }
}

/** The date by which a file is known. One that was changed within the minute before the answer may be changed again
 *  and keep it. Source: RFC 9110, 8.8.2.2, and RFC 7232 for the minute. */
function strongDate(headers: Answer['headers']): string | undefined {
  const { 'last-modified': modified, date } = headers;
  if (modified === undefined || date === undefined) return modified;
  return Date.parse(date) - Date.parse(modified) < 60_000 ? undefined : modified;
}
