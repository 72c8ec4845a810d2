// A server's address, token and pinned CA as people write them. Errors of all: an Error that says what
// is wrong, for the caller to name the setting.

/** One address, without a slash at its end. */
export function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error('an address must start with http:// or https://');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error('an address must not have a password in it; use a token');
  }
  return url.href.replace(/\/$/, '');
}

export function parseToken(text: string): string {
  if (!/^[\x21-\x7e]{1,4096}$/.test(text)) {
    throw new Error('a token has 1 to 4096 visible ASCII characters');
  }
  return text;
}

/** The SHA-256 of a certificate, with or without colons; lower-case hex. */
export function parseSha256(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new Error('it must be 64 hex digits');
  return digits;
}
