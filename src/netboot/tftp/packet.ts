// TFTP packets as bytes. Pure. What comes in is hostile: anything that is no packet is undefined.
// Source: RFC 1350, RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (timeout, tsize), RFC 7440 (windowsize).

const opcode = { read: 1, write: 2, data: 3, ack: 4, error: 5, optionAck: 6 } as const;

export const errorCode = { other: 0, missing: 1, denied: 2, illegal: 4 } as const;

export type Packet =
  | {
      readonly kind: 'read' | 'write';
      readonly file: string;
      readonly mode: string;
      readonly options: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number };

/** Longer names and options are nobody's. Bytes. */
const longestRequest = 512;

export function readPacket(bytes: Uint8Array): Packet | undefined {
  const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (packet.length < 4) return undefined;
  switch (packet.readUInt16BE(0)) {
    case opcode.read:
      return readRequest('read', packet);
    case opcode.write:
      return readRequest('write', packet);
    case opcode.ack:
      return packet.length === 4 ? { kind: 'ack', block: packet.readUInt16BE(2) } : undefined;
    case opcode.error:
      return { kind: 'error', code: packet.readUInt16BE(2) };
    default:
      return undefined;
  }
}

/** Texts that end with a zero: the name, the mode, then options with their values. */
function readRequest(kind: 'read' | 'write', packet: Buffer): Packet | undefined {
  if (packet.length > longestRequest || packet.at(-1) !== 0) return undefined;
  const [file = '', mode = '', ...rest] = packet
    .toString('latin1', 2, packet.length - 1)
    .split('\0');
  if (file === '' || mode === '' || rest.length % 2 !== 0) return undefined;
  const options = new Map<string, string>();
  for (let i = 0; i < rest.length; i += 2) {
    options.set((rest[i] ?? '').toLowerCase(), rest[i + 1] ?? '');
  }
  return { kind, file, mode: mode.toLowerCase(), options };
}

export function writeData(block: number, data: Uint8Array): Uint8Array {
  return Buffer.concat([head(opcode.data, block), data]);
}

export function writeError(code: number, text: string): Uint8Array {
  return Buffer.concat([head(opcode.error, code), Buffer.from(`${text}\0`, 'latin1')]);
}

export function writeOptions(options: ReadonlyMap<string, string>): Uint8Array {
  const texts = [...options].map(([name, value]) => `${name}\0${value}\0`).join('');
  return Buffer.concat([head(opcode.optionAck), Buffer.from(texts, 'latin1')]);
}

function head(code: number, number?: number): Buffer {
  const bytes = Buffer.alloc(number === undefined ? 2 : 4);
  bytes.writeUInt16BE(code, 0);
  if (number !== undefined) bytes.writeUInt16BE(number & 0xff_ff, 2);
  return bytes;
}
