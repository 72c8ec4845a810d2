// Every source file opens with a statement of what it holds, not with a question.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** The first line of each TypeScript file in these folders, by its path. A program's #! is not counted. */
const heads = new Map(
  ['src', 'initramfs', 'bench', 'fixtures', 'test'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => {
        const text = readFileSync(join(repository, folder, path), 'utf8');
        return [`${folder}/${path}`, text.replace(/^#!.*\n/, '').split('\n')[0] ?? ''] as const;
      }),
  ),
);

const isQuestion = (head: string): boolean =>
  /^(?:\/\/|\/\*\*?) (?:What|Which|Whether|How|Of|Who|Where|Why|When) /.test(head);

describe('the headers of files', () => {
  it('are found', () => {
    expect(heads.size).toBeGreaterThan(400);
    expect(isQuestion('// What travels between agents and the server.')).toBe(true);
  });

  it('are there in every file of src/', () => {
    const bare = [...heads].filter(
      ([path, head]) => path.startsWith('src/') && !/^\/[/*]/.test(head),
    );
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  it('are statements', () => {
    expect([...heads].filter(([, head]) => isQuestion(head))).toEqual([]);
  });
});
