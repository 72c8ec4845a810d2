// The manual as it is built elsewhere: its links lead where they led.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { relinked } from '../../packaging/docs/links.ts';
import { pages, repository } from './pages.ts';

it('what a page links to outside the manual is there from dist/docs too', () => {
  const manual = join(repository, 'docs');
  const built = join(repository, 'dist/docs');
  const outside = pages.flatMap(({ path, text }) => {
    const from = dirname(join(repository, path));
    if (!from.startsWith(manual)) return [];
    const to = from.replace(manual, built);
    return [...relinked(text, from, to, manual).matchAll(/\]\((\.\.?\/[^)#\s]+)/g)]
      .map(([, link = '']) => join(to, link))
      .filter((file) => !file.startsWith(built));
  });
  expect(outside.length).toBeGreaterThan(5);
  expect(outside.filter((file) => !existsSync(file))).toEqual([]);
});
