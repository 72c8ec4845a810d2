// Reads the fields of a superblock, and remembers which bytes it used. Pure.
import { uuidOfBytes } from '../../identity/uuid.ts';
import { clean } from '../reading.ts';

/** A part of a device: `bytes` begin at `offset` of it. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Positions in a piece: first byte, and the byte after the last. */
export type Span = readonly [start: number, end: number];

/** Fields at positions in a piece. What is beyond its end reads as zeros. */
export class Fields {
  /** The spans that were read. */
  readonly spans: Span[] = [];
  /** The part of it that people chose: names of file systems, volume groups, hosts. */
  readonly names: Span[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(at: number, length: number): Uint8Array {
    const end = Math.min(at + length, this.#bytes.length);
    if (at < 0 || at >= end) return new Uint8Array(length);
    this.spans.push([at, end]);
    const taken = new Uint8Array(length);
    taken.set(this.#bytes.subarray(at, end));
    return taken;
  }

  ascii(at: number, length: number): string {
    return new TextDecoder('latin1').decode(this.take(at, length));
  }

  /** A name that ends at its first NUL; undefined for an empty one. */
  name(at: number, length: number): string | undefined {
    const nul = this.#bytes.subarray(at, at + length).indexOf(0);
    const bytes = this.take(at, nul === -1 ? length : nul);
    const text = clean(new TextDecoder().decode(bytes));
    if (text === '') return undefined;
    this.names.push([at, at + bytes.length]);
    return text;
  }

  /** A UUID of 16 bytes; undefined where it is all zeros. */
  uuid(at: number): string | undefined {
    const bytes = this.take(at, 16);
    return bytes.every((byte) => byte === 0) ? undefined : uuidOfBytes(bytes);
  }

  /** 64 bits as 16 hex digits; undefined for zero. */
  hex64(at: number, order: 'little' | 'big'): string | undefined {
    const value = this.#view(at, 8).getBigUint64(0, order === 'little');
    return value === 0n ? undefined : value.toString(16).padStart(16, '0');
  }

  u32(at: number, order: 'little' | 'big' = 'little'): number {
    return this.#view(at, 4).getUint32(0, order === 'little');
  }

  /** A position or a count; what no number holds exactly is as good as none. */
  u64(at: number): number {
    const value = Number(this.#view(at, 8).getBigUint64(0, true));
    return Number.isSafeInteger(value) ? value : 0;
  }

  #view(at: number, length: number): DataView {
    const { buffer } = this.take(at, length);
    return new DataView(buffer);
  }
}
