// URLs as anybody may see them: without what may be a password, a token or a signature.

/** The URL without its user and query; another text without what stands before an "@" of a URL in it. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.origin === 'null') return withoutCredentials(url);
  return `${parsed.origin}${parsed.pathname}${parsed.search === '' ? '' : '?…'}`;
}

/** The text without users and passwords of the URLs in it. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^/\s]*@/g, '');
}
