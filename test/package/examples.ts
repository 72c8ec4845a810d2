// The examples of the public entry points and of docs/developers/embedding.md: blocks of TypeScript in a comment or
// in a page.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './registry.ts';

export const exampleSources = [
  'src/index.ts',
  'src/agent/index.ts',
  'src/client/index.ts',
  'src/store/index.ts',
  'docs/developers/embedding.md',
];

export interface Example {
  /** The one that its first line names, by which others import it, or one of its own. */
  readonly file: string;
  readonly text: string;
  /** The output that it states. */
  readonly prints: string;
}

export function examplesOf(source: string): Example[] {
  const page = readFileSync(join(repository, source), 'utf8').replaceAll(/^ \* ?/gm, '');
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = ''], i) => ({
    file:
      /^\/\/ ([\w.-]+\.ts)\n/.exec(text)?.[1] ?? `${source.replaceAll(/[^a-z]/g, '-')}-${i + 1}.ts`,
    text,
    prints: [...text.matchAll(/\/\/ prints (.*)$/gm)].map(([, line]) => `${line}\n`).join(''),
  }));
}
