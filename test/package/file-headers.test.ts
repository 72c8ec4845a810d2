// Every source file opens with a statement of what it holds, and no comment opens as a question does.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** The text of each TypeScript file in these folders, by its path. A program's #! is not counted. */
const texts = new Map(
  ['src', 'initramfs', 'bench', 'fixtures', 'test'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => {
        const text = readFileSync(join(repository, folder, path), 'utf8');
        return [`${folder}/${path}`, text.replace(/^#!.*\n/, '')] as const;
      }),
  ),
);

const heads = new Map([...texts].map(([path, text]) => [path, text.split('\n')[0] ?? '']));

/** Comments that open so are translated sentences. "Where", "When", "Why" and "Who" also open good ones. */
const question = /^\s*(?:\/\/|\/\*\*?) (?:What|Which|Whether|How|Of)\b/;

/** The comments of a text that open so. A line comment goes on over the lines that follow it. */
function questions(text: string): string[] {
  const lines = text.split('\n');
  const goesOn = (i: number): boolean => /^\s*\/\//.test(lines[i - 1] ?? '');
  return lines.filter((line, i) => question.test(line) && (/^\s*\/\*/.test(line) || !goesOn(i)));
}

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

describe('comments', () => {
  it('are seen to open as questions do', () => {
    const text =
      '// One line,\n// Which goes on.\n  /** Whether it is. */\nlet a; // Of two\n  // How so';
    expect(questions(text)).toEqual(['  /** Whether it is. */', '  // How so']);
  });

  it('are statements', () => {
    const found = [...texts].flatMap(([path, text]) =>
      questions(text).map((line) => `${path}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });
});
