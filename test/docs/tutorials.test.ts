// The tutorials, followed to their end.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isMissing } from '../../initramfs/tools.ts';
import { repository } from './pages.ts';
import { comparable, follow, isShown, stepsOf, type Result, type Step } from './tutorial.ts';

/** Programs that a tutorial takes and not every host has. The first install takes a virtual machine: test/boot. */
const needs: Readonly<Record<string, readonly string[]>> = {
  'first-install.md': ['nothing here'],
  'several-servers.md': ['curl', 'etcd'],
};
const tutorials = readdirSync(join(repository, 'docs/tutorials')).map((name) => ({
  name,
  canRun: (needs[name] ?? ['curl', 'openssl']).every((tool) => !isMissing(tool)),
}));

describe.each(tutorials)('$name', ({ name, canRun }) => {
  it.skipIf(!canRun)('does and prints what it says', { timeout: 180_000 }, async () => {
    const steps = stepsOf(`docs/tutorials/${name}`);
    const results = await follow(steps);
    expect(steps.flatMap((step, i) => faultsOf(step, results[i]))).toEqual([]);
  });
});

/** A step prints what the page shows, and nothing where it shows nothing; it succeeds, unless an error is shown. */
function faultsOf({ line, shown = '', commands }: Step, result?: Result): string[] {
  if (result?.code === undefined) return [`line ${line} was not reached`];
  const mayFail = /\[[a-z]+\.[a-z-]+\]\s*$/.test(shown);
  if (result.code !== 0 && !mayFail) {
    return [`line ${line}: ${commands}exits with ${result.code}:\n${result.printed}`];
  }
  if (isShown(shown, result.printed)) return [];
  return [
    `line ${line}: ${commands}printed:\n${result.printed}\nas compared:\n${comparable(result.printed)}`,
  ];
}

describe('what a page shows', () => {
  it('is what was printed, but for ids, times, tokens, and names drawn at random', () => {
    const shown =
      'node-1  CoolAbandonAbandonAbility  01a21568-ebaf-7655-abbd-fffaa7a818f0  in 2.5 s\n';
    const printed = 'node-1 DirtBookRoadEight 01a21568-ebaf-7655-abbd-fffaa7a818f1 in 31 s\n';
    expect(isShown(shown, printed)).toBe(true);
    expect(isShown(shown, printed.replace('node-1', 'node-2'))).toBe(false);
    expect(isShown(shown, `${printed}and more\n`)).toBe(false);
  });

  it('leaves out lines, and the rest of a line, at "…"', () => {
    expect(isShown('a\n…\nz …\n', 'a\nb\nc\nz 1\n')).toBe(true);
    expect(isShown('a\n…\nz\n', 'a\nb\n')).toBe(false);
    expect(isShown('', 'something\n')).toBe(false);
  });
});
