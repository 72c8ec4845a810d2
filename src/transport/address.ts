// Parses a server's address, token and pinned CA as people write them. Each throws an Error that says what
// is wrong; the caller names the setting.

/** The address in a URL, and the zone of an IPv6 address, `%eth0` or `%25eth0` (RFC 6874): the port of this host that
 *  leads to it. No URL may have one, for Node. */
export function splitZone(text: string): {
  readonly url: string;
  readonly zone: string | undefined;
} {
  const [, start = '', zone, rest = ''] = zoned.exec(text) ?? [];
  return { url: zone === undefined ? text : start + rest, zone };
}

const zoned = /^(https?:\/\/\[[0-9a-f:.]+)%(?:25)?([^\]%/\s]{1,15})(\].*)$/i;

/** Parses one address, and drops a slash at its end. */
export function parseUrl(text: string): string {
  const { url, zone } = splitZone(text);
  const parsed = parseBareUrl(url);
  if (zone === undefined) return parsed;
  if (!/^\w+:\/\/\[fe[89ab]/.test(parsed))
    throw new Error(`only a link-local address (fe80::…) has a zone: leave %${zone} out`);
  return parsed.replace(']', `%25${zone}]`);
}

function parseBareUrl(text: string): string {
  const url = URL.parse(text);
  if (!/^https?:\/\//i.test(text))
    throw new Error('an address must start with http:// or https://');
  if (url === null) throw new Error('it is no address: write http://HOST:PORT');
  if (url.username !== '' || url.password !== '') {
    throw new Error('an address must not have a password in it; use a token');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new Error('an address must have nothing after its path: no "?" and no "#"');
  }
  return url.href.replace(/[/?#]+$/, '');
}

export function parseToken(text: string): string {
  if (!/^[\x21-\x7e]{1,4096}$/.test(text)) {
    throw new Error('a token has 1 to 4096 visible ASCII characters');
  }
  return text;
}

/** Parses a certificate's SHA-256, with or without colons, to lower-case hex. */
export function parseSha256(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new Error('it must be 64 hex digits');
  return digits;
}
