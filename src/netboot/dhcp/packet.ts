// DHCP messages as bytes, as far as a proxy needs them. Pure. What comes in is hostile: anything that is no
// message is undefined, and no length in it is believed.
// Source: RFC 2131 (layout), RFC 2132 (options), RFC 3396 (options in several parts).

export const messageTypes = { discover: 1, offer: 2, request: 3, ack: 5, inform: 8 } as const;

/** Options by number. */
type Options = ReadonlyMap<number, Uint8Array>;

export interface Request {
  /** The bytes that a reply has to repeat: hardware type and address, transaction, flags, relay. */
  readonly head: Uint8Array;
  /** In lower case with colons; undefined for hardware that is not addressed as Ethernet is. */
  readonly mac: string | undefined;
  /** The address of the relay that passed it on; undefined where there is none. */
  readonly relay: string | undefined;
  readonly type: number;
  readonly options: Options;
}

/** Fixed fields, by their place in a message. */
const at = { op: 0, type: 1, length: 2, ciaddr: 12, yiaddr: 16, siaddr: 20, giaddr: 24 } as const;
const hardware = { at: 28, bytes: 16 } as const;
const serverName = { at: 44, bytes: 64 } as const;
const bootFile = { at: 108, bytes: 128 } as const;
const cookie = { at: 236, bytes: Uint8Array.of(99, 130, 83, 99) } as const;
const optionsAt = 240;
/** Some relays drop what is shorter. Source: RFC 1542, section 2.1. */
const shortestReply = 300;
/** More than any client sends. */
const longestRequest = 1500;

const bootRequest = 1;
const bootReply = 2;
const pad = 0;
const end = 255;
const messageType = 53;

/** Reads what a client sent. */
export function readRequest(bytes: Uint8Array): Request | undefined {
  if (bytes.length < optionsAt || bytes.length > longestRequest) return undefined;
  if (bytes[at.op] !== bootRequest) return undefined;
  if (!cookie.bytes.every((byte, i) => bytes[cookie.at + i] === byte)) return undefined;
  const options = readOptions(bytes.subarray(optionsAt));
  const type = options?.get(messageType);
  if (options === undefined || type?.length !== 1) return undefined;
  const relay = dotted(bytes.subarray(at.giaddr, at.giaddr + 4));
  return {
    head: bytes.slice(0, hardware.at + hardware.bytes),
    mac: macOf(bytes),
    relay: relay === '0.0.0.0' ? undefined : relay,
    type: type[0] ?? 0,
    options,
  };
}

/** Options up to the end mark; undefined where one is longer than the message. A missing end mark is forgiven, as
 *  servers do. */
function readOptions(bytes: Uint8Array): Options | undefined {
  const options = new Map<number, Uint8Array>();
  let i = 0;
  while (i < bytes.length) {
    const code = bytes[i] ?? end;
    i += 1;
    if (code === end) break;
    if (code === pad) continue;
    const length = bytes[i];
    if (length === undefined || i + 1 + length > bytes.length) return undefined;
    const value = bytes.slice(i + 1, i + 1 + length);
    const before = options.get(code);
    options.set(code, before === undefined ? value : Buffer.concat([before, value]));
    i += 1 + length;
  }
  return options;
}

/** Source: RFC 4361 has other kinds of address in an option; their hardware length is 0. */
function macOf(bytes: Uint8Array): string | undefined {
  if (bytes[at.length] !== 6) return undefined;
  const address = bytes.subarray(hardware.at, hardware.at + 6);
  return Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export interface Reply {
  readonly type: number;
  /** This server, in dotted decimals. */
  readonly server: string;
  /** Undefined names none. */
  readonly file: string | undefined;
  /** Beside type and server. At most 255 bytes each. */
  readonly options: ReadonlyMap<number, Uint8Array | string>;
}

/** A reply that gives no address: `yiaddr` is 0. */
export function writeReply(request: Request, reply: Reply): Uint8Array {
  const fixed = new Uint8Array(optionsAt);
  fixed.set(request.head);
  fixed[at.op] = bootReply;
  fixed.fill(0, at.yiaddr, at.yiaddr + 4);
  const server = addressBytes(reply.server);
  fixed.set(server, at.siaddr);
  fixed.set(textBytes(reply.server, serverName.bytes - 1), serverName.at);
  fixed.set(textBytes(reply.file ?? '', bootFile.bytes - 1), bootFile.at);
  fixed.set(cookie.bytes, cookie.at);
  const options: [number, Uint8Array | string][] = [
    [messageType, Uint8Array.of(reply.type)],
    [54, server],
    ...reply.options,
  ];
  const written = options.map(([code, value]) => {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    return Buffer.from([code, bytes.length, ...bytes]);
  });
  const whole = Buffer.concat([fixed, ...written, Uint8Array.of(end)]);
  return Buffer.concat([whole, new Uint8Array(Math.max(0, shortestReply - whole.length))]);
}

function dotted(bytes: Uint8Array): string {
  return [...bytes].join('.');
}

function addressBytes(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

function textBytes(text: string, longest: number): Uint8Array {
  return Buffer.from(text, 'latin1').subarray(0, longest);
}
