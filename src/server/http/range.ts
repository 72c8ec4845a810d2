// The part of a file that a request asks for. Pure.

export interface Part {
  readonly start: number;
  /** Included. */
  readonly end: number;
}

interface Headers {
  readonly range?: string | undefined;
  readonly 'if-range'?: string | string[] | undefined;
}

interface File {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Undefined for the whole file: no range asked for, one of another file, several, or one that makes no
 *  sense. Source: RFC 9110, 13.1.5 and 14.2. */
export function rangeOf(headers: Headers, file: File): Part | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if ((first === '' && last === '') || !isSameFile(headers['if-range'], file)) return undefined;
  const { sizeBytes } = file;
  const start = first === '' ? Math.max(sizeBytes - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  return start >= sizeBytes || end < start ? 'unsatisfiable' : { start, end };
}

/** A date names a file to the second, so it counts only where it is the very date that was told. */
function isSameFile(condition: string | string[] | undefined, { etag, modifiedAt }: File): boolean {
  return condition === undefined || condition === etag || condition === modifiedAt.toUTCString();
}
