// The tables of the programs: their examples are command lines that they take, and their manual pages are sound.
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { agentProgram } from '../../../src/cli/agent/program.ts';
import type { Program } from '../../../src/cli/command.ts';
import { helpText } from '../../../src/cli/line/help.ts';
import { manPage } from '../../../src/cli/line/man.ts';
import { parse } from '../../../src/cli/line/parse.ts';
import { operatorProgram } from '../../../src/cli/operator/program.ts';
import { serverProgram } from '../../../src/cli/server/program.ts';
import { simulateProgram } from '../../../src/cli/simulate.ts';

const programs = [agentProgram, serverProgram, operatorProgram, simulateProgram];
const hasMandoc = spawnSync('mandoc', ['-V']).error === undefined;

/** As a shell splits it. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function shown({ commands = [], defaultCommand }: Program) {
  const all = defaultCommand === undefined ? commands : [...new Set([defaultCommand, ...commands])];
  return all.filter(({ isInternal }) => isInternal !== true);
}

describe.each(programs.map((program) => [program.name, program] as const))('%s', (_, program) => {
  it('has examples in the help of every command, which it takes', () => {
    const without = shown(program).filter(({ examples = [] }) => examples.length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
    for (const command of shown(program)) {
      for (const line of command.examples ?? []) {
        expect(helpText(program, command)).toContain(`\n  ${program.name} ${line}\n`);
        expect({ line, ...parse(program, words(line)) }).toMatchObject({ line, command });
      }
    }
  });

  it('has a manual page that names every command and option', () => {
    const page = manPage(program, '2026-01-31').replaceAll('\\-', '-');
    for (const command of shown(program)) {
      for (const line of command.examples ?? [])
        expect(page).toContain(`${program.name} ${line}\n`);
      for (const name of Object.keys(command.options)) expect(page).toContain(`--${name}`);
    }
  });

  it.skipIf(!hasMandoc)('has a manual page that mandoc finds no fault with', () => {
    const input = manPage(program, '2026-01-31');
    const options = { input, encoding: 'utf8' as const };
    expect(execFileSync('mandoc', ['-T', 'lint', '-W', 'warning'], options)).toBe('');
  });
});
