// Splits arguments in one text as a shell does: at blanks, unless quotes or a backslash keep them together.
import { AppError } from '../../src/core/errors.ts';

const piece = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gsy;

/** Errors: AppError `usage.invalid` for a quote that is not closed. */
export function words(text: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let end = 0;
  for (const [all, single, double, escaped, plain] of text.matchAll(piece)) {
    end += all.length;
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? '') + part;
    else {
      if (word !== undefined) found.push(word);
      word = undefined;
    }
  }
  if (end < text.length) {
    throw new AppError('usage.invalid', `a quote in ${JSON.stringify(text)} is not closed`);
  }
  return word === undefined ? found : [...found, word];
}
