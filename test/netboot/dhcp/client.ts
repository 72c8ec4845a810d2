// DHCP as a client speaks it, written apart from the code under test.

export interface ClientRequest {
  readonly type?: number;
  readonly vendorClass?: string;
  readonly architecture?: number;
  readonly relay?: string;
  readonly more?: readonly (readonly [code: number, value: ArrayLike<number>])[];
}

const xid = '12345678';
const mac = '525400000001';

export function clientRequest({
  type = 1,
  vendorClass,
  architecture,
  relay,
  more = [],
}: ClientRequest) {
  const fixed = Buffer.alloc(240);
  fixed.set([1, 1, 6, 0]);
  fixed.write(xid, 4, 'hex');
  fixed.set((relay ?? '0.0.0.0').split('.').map(Number), 24);
  fixed.write(mac, 28, 'hex');
  fixed.write('63825363', 236, 'hex');
  const options: (readonly [number, ArrayLike<number>])[] = [[53, [type]]];
  if (vendorClass !== undefined) options.push([60, Buffer.from(vendorClass)]);
  if (architecture !== undefined) options.push([93, [architecture >> 8, architecture & 255]]);
  const parts = [...options, ...more].map(([code, value]) =>
    Buffer.from([code, value.length, ...Array.from(value)]),
  );
  return Buffer.concat([fixed, ...parts, Buffer.from([255])]);
}

export function readReply(reply: Uint8Array) {
  const bytes = Buffer.from(reply);
  const address = (at: number): string => [...bytes.subarray(at, at + 4)].join('.');
  const options = new Map<number, Buffer>();
  for (let at = 240; at < bytes.length && bytes[at] !== 255;) {
    const length = bytes[at + 1] ?? 0;
    options.set(bytes[at] ?? 0, bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return {
    bytes: bytes.length,
    op: bytes[0],
    xid: bytes.toString('hex', 4, 8),
    yiaddr: address(16),
    siaddr: address(20),
    chaddr: bytes.toString('hex', 28, 44),
    file: bytes.toString('latin1', 108, 236).replace(/\0.*$/s, ''),
    type: options.get(53)?.[0],
    options,
  };
}
