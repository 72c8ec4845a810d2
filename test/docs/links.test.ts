// Links in the documentation lead somewhere.
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { anchors, pages, prose, readPage, repository, type Page } from './pages.ts';

/** The relative links of a page that lead nowhere. */
function broken(page: Page): string[] {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link));
}

function leadsSomewhere(page: Page, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target =
    path === '' ? page.path : relative(repository, resolve(repository, dirname(page.path), path));
  if (!existsSync(join(repository, target))) return false;
  if (anchor === undefined) return true;
  return anchors(target === page.path ? page : readPage(target)).includes(anchor);
}

it('finds a file or an anchor that is not there', () => {
  const text =
    '[a](docs/agent.md#run) [b](docs/agent.md#walk) [c](docs/nothing.md) [d](#here)\n# Here\n';
  expect(broken({ path: 'README.md', text })).toEqual(['docs/agent.md#walk', 'docs/nothing.md']);
});

it.each(pages)('links from $path to files and headings that exist', (page) => {
  expect(broken(page)).toEqual([]);
});

it('reaches every page in docs/ from the README', () => {
  const linked = new Set(
    [...readPage('README.md').text.matchAll(/\((docs\/[a-z/-]+\.md)/g)].map(([, path]) => path),
  );
  const all = pages.map((page) => page.path).filter((path) => path.startsWith('docs/'));
  expect(all.filter((path) => !linked.has(path))).toEqual([]);
});

it('keeps the README at 150 lines at most', () => {
  expect(readPage('README.md').text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});
