// The commands that the documentation shows: they exist, take the flags shown, and print what is shown.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeLines, codeSpans, pages, prose, repository, rowsOf, readPage } from './pages.ts';
import { commandsOf, flagsOf, shownBy } from './programs.ts';

/** Each program and its page. */
const programs = [
  { program: 'dragonfly', page: 'docs/operator.md' },
  { program: 'dragonfly-agent', page: 'docs/agent.md' },
  { program: 'dragonfly-server', page: 'docs/server.md' },
  { program: 'dragonfly-simulate', page: 'docs/simulation.md' },
] as const;

const help = new Map<string, ReadonlyMap<string, readonly string[]>>();
const shown = pages.flatMap((page) => [...codeLines(page), ...codeSpans(prose(page))]);

beforeAll(async () => {
  for (const { program } of programs) {
    const commands = await commandsOf(program);
    const flags = [...commands, ''].map(
      async (command) => [command, await flagsOf(program, command)] as const,
    );
    help.set(program, new Map(await Promise.all(flags)));
  }
}, 60_000);

describe.each(programs)('$program', ({ program, page }) => {
  it('has each of its commands in its page', () => {
    const rows = rowsOf(readPage(page), 'command', 'what it does').map((row) => row[0] ?? '');
    const listed = rows.flatMap((cell) => codeSpans(cell));
    const commands = [...(help.get(program)?.keys() ?? [])].filter(Boolean);
    expect(listed.toSorted()).toEqual(commands.toSorted());
  });

  it('takes every flag that it is shown with', () => {
    const uses = shown.filter((text) => new RegExp(`(?<![\\w/-])${program} `).test(text));
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((use) => unknownFlags(use).length > 0)).toEqual([]);
  });

  /** The flags that a line gives the program's command and that it does not have. */
  function unknownFlags(line: string): string[] {
    // Programs behind a pipe have flags of their own.
    const [after = ''] = (line.split(`${program} `)[1] ?? '').split(' | ');
    const words = /^([a-z-]+)(?: ([a-z-]+))?/.exec(after) ?? [];
    const names = [`${words[1]} ${words[2]}`, words[1] ?? ''];
    const command = names.find((name) => help.get(program)?.has(name)) ?? '';
    const flags = help.get(program)?.get(command) ?? [];
    return (after.match(/(?<![^ ])--[a-z][a-z0-9-]*/g) ?? []).filter(
      (flag) => !flags.includes(flag),
    );
  }

  it('has every flag of every command somewhere in the documentation', () => {
    const documented = new Set(shown.flatMap((text) => text.match(/--[a-z][a-z0-9-]*/g) ?? []));
    const flags = [...(help.get(program)?.values() ?? [])].flat();
    expect(flags.filter((flag) => !documented.has(flag))).toEqual([]);
  });
});

it('shows no npm script that package.json does not have', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(join(repository, 'package.json'), 'utf8'),
  );
  const run = shown.flatMap((text) => [...text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)]);
  expect(run.map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([]);
});

/** Renewed by `npx vitest run test/docs -u`. */
it.each(pages)('shows in $path what commands over captured machines print', async (page) => {
  const example = /(?<=^\$ )(dragonfly-agent) (.*fixtures\/.*)\n([\s\S]*?)(?=^\$ |^```)/gm;
  let text = page.text;
  for (const [whole, program = '', args = ''] of page.text.matchAll(example)) {
    const output = await shownBy(program, args.split(' '));
    text = text.replace(whole, () => `${program} ${args}\n${output}`);
  }
  await expect(text).toMatchFileSnapshot(join(repository, page.path));
});
