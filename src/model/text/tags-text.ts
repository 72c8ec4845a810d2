// Tags as people type them in one line: separated by commas or blanks, and in double quotes where a tag has one
// of these itself. Pure.

const quotable = /[\s,"\\]/;

/** Reads tags from a line, each once. */
export function tagsOf(text: string): string[] {
  const found = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|[^\s,]+/gs)].map(([word, quoted]) =>
    quoted === undefined ? word : quoted.replaceAll(/\\(.)/gs, '$1'),
  );
  return [...new Set(found.filter((tag) => tag !== ''))];
}

/** Writes tags so that tagsOf() reads the same ones. */
export function tagsText(tags: readonly string[]): string {
  return tags
    .map((tag) => (quotable.test(tag) ? `"${tag.replaceAll(/["\\]/g, String.raw`\$&`)}"` : tag))
    .join(', ');
}
