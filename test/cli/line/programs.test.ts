// The tables of the programs: their examples are command lines that they take, and their manual pages are sound.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** The commands that change or run something, or whose answer is for a program that knows one form of it alone. */
const withoutFormats: Readonly<Record<string, readonly string[]>> = {
  'dragonfly-agent': ['capture', 'run'],
  'dragonfly-server': ['backup', 'boot-script', 'restore', 'rotate-key'],
  dragonfly: [
    'backup',
    'conflicts accept',
    'conflicts reopen',
    'conflicts split',
    'context delete',
    'context set',
    'context use',
    'damaged delete',
    'inventory ansible',
    'machines add',
    'machines assign',
    'machines cancel',
    'machines forget',
    'machines label',
    'machines offline',
    'machines online',
    'machines provision',
    'machines tag',
    'machines untag',
    'sessions end',
    'settings delete',
    'settings set',
    'tags delete',
    'templates apply',
    'templates delete',
    'tokens create',
    'tokens revoke',
    'webhooks create',
    'webhooks delete',
    'webhooks disable',
    'webhooks enable',
    'webhooks redeliver',
    'webhooks rotate',
    'webhooks set',
    'webhooks test',
    'workflows cancel',
    'workflows release',
    'workflows wait',
  ],
  'dragonfly-simulate': [],
};

const folders: Readonly<Record<string, string>> = {
  'dragonfly-agent': 'agent',
  'dragonfly-server': 'server',
  dragonfly: 'operator',
};

/** The variables that the sources of a program read by name. */
function variablesOf(program: string): string[] {
  const folder = folders[program];
  if (folder === undefined) return [];
  const root = join(import.meta.dirname, '../../../src/cli', folder);
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(root, name), 'utf8').matchAll(/env\['(DRAGONFLY_\w+)'\]/g),
    ]);
  return found.map(([, name = '']) => name);
}

/** As a shell splits it. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function shown({ commands = [], defaultCommand }: Program) {
  return defaultCommand === undefined ? commands : [...new Set([defaultCommand, ...commands])];
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

  it('has -o, --json and --yaml in each command that only reads, and takes one of them at a time', () => {
    const formats = ['output', 'json', 'yaml'];
    const [reading, others] = [true, false].map((reads) =>
      shown(program).filter(({ options }) => formats.every((one) => one in options) === reads),
    );
    expect(others?.map(({ name }) => name).toSorted()).toEqual(withoutFormats[program.name]);
    for (const command of reading ?? []) {
      const { name, positionals = {} } = command;
      const line = [
        ...(program.commands?.includes(command) === true ? name.split(' ') : []),
        ...Object.values(positionals).map(({ choices }) => choices?.[0] ?? 'x'),
      ];
      expect(parse(program, [...line, '-o', 'yaml'])).toMatchObject({ args: { output: 'yaml' } });
      for (const both of [
        ['--json', '--yaml'],
        ['-o', 'json', '--json'],
        ['-o', 'yaml', '--json'],
      ]) {
        expect(() => parse(program, [...line, ...both])).toThrow('cannot be given together');
      }
    }
  });

  it('names in each help the variables that it reads', () => {
    for (const command of [undefined, ...shown(program)]) {
      const help = helpText(program, command);
      for (const name of [...variablesOf(program.name), 'DRAGONFLY_DEBUG']) {
        expect(help).toContain(name);
      }
      const logs = program === serverProgram || 'log' in (command?.settings ?? {});
      expect(help.split('DRAGONFLY_LOG')).toHaveLength(logs ? 2 : 1);
    }
  });

  it('has a manual page that names every command and option', () => {
    const page = manPage(program, '2026-01-31').replaceAll('\\-', '-');
    for (const name of variablesOf(program.name)) expect(page).toContain(name);
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
