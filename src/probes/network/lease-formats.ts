// The forms in which DHCP clients write down their leases: reads what the agent needs of each, and writes a file with that and
// nothing else, for captures. Pure.

/** The DHCP option that carries the server's address: the first of the site-specific ones.
 *  Source: RFC 3942 section 5. */
export const urlOption = 224;
const domainOption = 15;

/** A lease's part that is read. */
export interface Told {
  /** The IPv4 address that was leased. */
  readonly address?: string;
  readonly url?: string;
  readonly domain?: string;
}

/** A client's format. A binary file is a text with a character for each byte. */
export interface Format {
  readonly parse: (text: string) => readonly Told[];
  readonly write: (told: Told) => string;
}

export const keyValue: Format = {
  parse: (text) => [parseKeyValueLease(text)],
  write: ({ address, url, domain }) =>
    (address === undefined ? '' : `ip=${address}\n`) +
    (url === undefined ? '' : `opt${urlOption}=${hexOf(url).join('')}\n`) +
    (domain === undefined ? '' : `domain=${domain}\n`),
};

export const dhclient: Format = {
  parse: parseDhclientLeases,
  write: ({ address, url, domain }) =>
    'lease {\n' +
    (address === undefined ? '' : `  fixed-address ${address};\n`) +
    (url === undefined ? '' : `  option unknown-${urlOption} ${hexOf(url).join(':')};\n`) +
    (domain === undefined ? '' : `  option domain-name "${domain}";\n`) +
    '}\n',
};

export const wicked: Format = {
  parse: (text) => [parseWickedLease(text)],
  write: ({ address, url, domain }) =>
    '<lease><ipv4:dhcp>' +
    (address === undefined ? '' : `<address>${address}</address>`) +
    (domain === undefined ? '' : `<dns><domain>${domain}</domain></dns>`) +
    (url === undefined
      ? ''
      : `<options><unknown-${urlOption}><data>${hexOf(url).join(':')}</data></unknown-${urlOption}></options>`) +
    '</ipv4:dhcp></lease>\n',
};

export const packet: Format = {
  parse: (text) => [parsePacket(Buffer.from(text, 'latin1'))],
  write: writePacket,
};

/** `KEY=value` lines: those of busybox udhcpc's environment (`opt224=`, in hex) and those of
 *  systemd-networkd and NetworkManager (`OPTION_224=`, in hex).
 *  Source: busybox networking/udhcp/dhcpc.c, systemd sd-dhcp-lease.c. */
export function parseKeyValueLease(text: string): Told {
  const values = new Map<string, string>();
  for (const [, key = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm)) {
    values.set(key.toLowerCase(), value.trim().replace(/^(['"])(.*)\1$/, '$2'));
  }
  return told(
    values.get('ip') ?? values.get('address'),
    values.get(`opt${urlOption}`) ?? values.get(`option_${urlOption}`),
    values.get('domain') ?? values.get('domainname'),
  );
}

/** ISC dhclient's leases; the last one of each interface is the current one. One that is cut short, as by a reset while it
 *  was written, says nothing.
 *  Source: dhclient.leases(5), ISC DHCP common/conflex.c. */
export function parseDhclientLeases(text: string): readonly Told[] {
  const newest = new Map<string, Told>();
  for (const statements of dhclientLeases(text)) {
    const value = (...names: string[]): string | undefined =>
      statements.find(([name]) => names.includes(name))?.[1];
    newest.set(
      value('interface') ?? '',
      told(
        value('fixed-address'),
        value(`option unknown-${urlOption}`, 'option dragonfly-url'),
        value('option domain-name'),
      ),
    );
  }
  return [...newest.values()];
}

/** Texts in quotes, which end with their line at the latest; marks; comments; words. No quote of a text that has no end begins
 *  another one, or a line would be searched as often as it has quotes. */
const dhclientTokens = /"((?:[^"\\\n]|\\.)*)"|[{};]|#.*|(?:[^\s"{};\\]|\\.)+|"/g;
type Statement = readonly [name: string, value: string];

/** The statements of each lease that has its end. */
function* dhclientLeases(text: string): Generator<readonly Statement[]> {
  let lease: Statement[] | undefined;
  let words: string[] = [];
  for (const [token, quoted] of text.matchAll(dhclientTokens)) {
    if (token === '{') {
      // Blocks of other kinds are no leases. One that begins within a lease was written after that lease was cut short.
      lease = words.at(-1)?.endsWith('lease') === true ? [] : undefined;
    } else if (token === '}') {
      if (lease !== undefined && words.length === 0) yield lease;
      lease = undefined;
    } else if (token === ';') {
      lease?.push([words.slice(0, -1).join(' '), words.at(-1) ?? '']);
    } else if (!token.startsWith('#')) {
      words.push(quoted === undefined ? token : withoutEscapes(quoted));
      continue;
    } else continue;
    words = [];
  }
}

/** dhclient writes unprintable characters in octal, and a backslash before quotes and backslashes. */
function withoutEscapes(text: string): string {
  return text.replaceAll(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : code,
  );
}

/** wicked's XML, with options that it does not know in hex.
 *  Source: wicked src/leasefile.c, src/dhcp4/lease.c. */
function parseWickedLease(text: string): Told {
  return told(
    inside(text, 'address'),
    inside(inside(text, `unknown-${urlOption}`) ?? '', 'data'),
    inside(inside(text, 'dns') ?? '', 'domain'),
  );
}

/** The text in the first element of this name. */
function inside(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  const end = start === -1 ? -1 : text.indexOf(`</${name}>`, start);
  return end === -1 ? undefined : text.slice(start + name.length + 2, end).trim();
}

/** The fixed part of a BOOTP packet, which ends with the mark of its options. Source: RFC 2131 section 2. */
const packetBytes = 240;
const addressAt = 16;
const options = [0x63, 0x82, 0x53, 0x63];

/** The server's last answer as it came, which dhcpcd keeps. Source: dhcpcd src/dhcp.c, RFC 2132. */
function parsePacket(bytes: Buffer): Told {
  if (!options.every((byte, i) => bytes[packetBytes - options.length + i] === byte)) return {};
  const found = new Map<number, string>();
  for (let at = packetBytes; at + 1 < bytes.length && bytes[at] !== 255;) {
    const [code = 0, length = 0] = bytes.subarray(at, at + 2);
    const data = bytes.subarray(at + 2, at + 2 + length);
    // One that is longer than 255 bytes comes in parts. Source: RFC 3396.
    if (code !== 0) found.set(code, (found.get(code) ?? '') + data.toString('latin1'));
    at += code === 0 ? 1 : 2 + length;
  }
  return told(
    [...bytes.subarray(addressAt, addressAt + 4)].join('.'),
    found.get(urlOption),
    found.get(domainOption),
  );
}

function writePacket({ address, url, domain }: Told): string {
  const head = Buffer.alloc(packetBytes);
  head[0] = 2;
  head.set((address ?? '0.0.0.0').split('.').map(Number), addressAt);
  head.set(options, packetBytes - options.length);
  const parts = [head.toString('latin1'), option(domainOption, domain), option(urlOption, url)];
  return `${parts.join('')}\xFF`;
}

function option(code: number, text = ''): string {
  const parts = text.match(/[^]{1,255}/g) ?? [];
  return parts.map((part) => String.fromCharCode(code, part.length) + part).join('');
}

function told(
  address: string | undefined,
  url: string | undefined,
  domain: string | undefined,
): Told {
  const [text, name] = [decode(url ?? ''), domain?.replace(/\0+$/, '')];
  const isLeased = address !== undefined && /^(?:\d{1,3}\.){3}\d{1,3}$/.test(address);
  return {
    ...(isLeased && address !== '0.0.0.0' ? { address } : {}),
    ...(text === '' ? {} : { url: text }),
    ...(name !== undefined && /^[a-z0-9.-]{1,253}$/i.test(name) ? { domain: name } : {}),
  };
}

/** Clients that do not know an option print its bytes in hex, with or without colons. Some servers end a text
 *  with a NUL. */
function decode(value: string): string {
  const digits = value.replaceAll(':', '');
  const isHex = /^([0-9a-f]{2})+$/i.test(digits);
  const text = isHex ? Buffer.from(digits, 'hex').toString('utf8') : value;
  return text.replace(/\0+$/, '').trim();
}

function hexOf(text: string): string[] {
  return [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0'));
}
