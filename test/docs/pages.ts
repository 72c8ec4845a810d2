// The documentation as its tests read it: pages, headings, links, tables, and what stands in code.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../..');

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** Every page that a reader may open. */
export const pages: readonly Page[] = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map(readPage);

export function readPage(path: string): Page {
  return { path, text: readFileSync(join(repository, path), 'utf8') };
}

/** The text without its code blocks: what holds headings, links and tables. */
export function prose({ text }: Page): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/^(?: {4}|\t).*$/gm, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(page: Page): readonly string[] {
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

/** The rows of every table whose head begins with these cells, without the head. */
export function rowsOf(page: Page, ...head: readonly string[]): readonly (readonly string[])[] {
  const tables = prose(page).matchAll(/^\|(.*)\|\n\|[-|: ]+\|\n((?:\|.*\|\n)*)/gm);
  return [...tables]
    .filter(([, first = '']) => head.every((cell, i) => cells(first)[i] === cell))
    .flatMap(([, , rows = '']) => rows.trimEnd().split('\n'))
    .map((row) => cells(row.slice(1, -1)));
}

function cells(row: string): string[] {
  return row.split('|').map((cell) => cell.trim());
}

/** The texts between backticks in a piece of prose. */
export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
}

/** The lines of all code blocks, fenced or indented. */
export function codeLines({ text }: Page): readonly string[] {
  const fenced = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  const indented = [...text.matchAll(/(?<=\n\n)(?: {4}.*\n)+/g)].map(([block]) => block);
  return [...fenced, ...indented].flatMap((block) => block.split('\n')).map((line) => line.trim());
}
