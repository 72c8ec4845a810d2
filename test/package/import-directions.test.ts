// The import directions of the source folders, seen to fail on planted violations.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** [importing folder, imported thing]: what must never be. */
const forbidden: (readonly [string, string])[] = [
  ['agent', '../store/store.ts'],
  ['agent/orders', '../../server/app.ts'],
  ['agent', '../server/app.ts'],
  ['server', '../probes/probe.ts'],
  ['server', '../sources/root.ts'],
  ['probes', '../agent/loop.ts'],
  ['probes', 'node:fs'],
  ['identity', 'node:child_process'],
  ['agent', 'node:fs/promises'],
  ['core', '../model/machine.ts'],
  ['store', '../server/app.ts'],
  ['sources', '../probes/probe.ts'],
  ['transport', '../inventory/inventory.ts'],
  ['inventory', '../transport/transport.ts'],
  ['client', '../server/app.ts'],
  ['client', '../agent/loop.ts'],
  ['agent', '../client/client.ts'],
  ['capture', '../agent/loop.ts'],
  ['doctor', '../capture/redact.ts'],
  ['simulation', '../sources/root.ts'],
  ['netboot', '../server/app.ts'],
  ['webhooks', '../store/store.ts'],
  ['agent', '../webhooks/receiver.ts'],
  ['server', 'node:dgram'],
  ['netboot', 'node:fs/promises'],
  ['web', '../identity/hash.ts'],
  ['server/rules', '../http/answers.ts'],
  ['server/running', '../machines/machines.ts'],
  ['server/running/liveness', '../../checkin/registration.ts'],
  ['server/running/metrics', '../../services.ts'],
  ['server/rules/plan', '../../running/events.ts'],
  ['server/rules/plan', '../../services.ts'],
  ['server/machines', '../checkin/registration.ts'],
  ['server/checkin', '../routes/agent.ts'],
  ['server/rules', '../services.ts'],
  ['server/running', '../services.ts'],
  ['server/access', '../services.ts'],
  ['server/machines', '../services.ts'],
  ['server/checkin', '../services.ts'],
  ['server/webhooks', '../services.ts'],
  ['server/webhooks', '../routes/administration/webhooks.ts'],
  ['server/running', '../webhooks/courier.ts'],
  ['server/checkin', '../background.ts'],
  ['server/http', '../../agent/loop.ts'],
  ['server/routes', 'node:fs'],
  ['actions', '../agent/loop.ts'],
  ['actions', '../../transport/transport.ts'],
  ['actions/image', 'node:fs'],
  ['agent/orders', '../../sources/writing/host.ts'],
  ['probes', '../sources/writing/program.ts'],
  ['sources', './writing/host.ts'],
  ['cli/agent', '../../sources/writing/host.ts'],
];
const allowed: (readonly [string, string])[] = [
  ['agent', '../probes/probe.ts'],
  ['model', '../core/errors.ts'],
  ['client', '../transport/requests.ts'],
  ['simulation', '../client/client.ts'],
  ['server/routes', '../machines/machines.ts'],
  ['server/webhooks', '../../webhooks/receiver.ts'],
  ['server/routes', '../services.ts'],
  ['server/routes/provisioning', '../../services.ts'],
  ['server/running/liveness', '../../rules/decide.ts'],
  ['server/checkin', '../../store/store.ts'],
  ['server', '../store/store.ts'],
  ['sources', 'node:fs'],
  ['store', 'node:fs'],
  ['actions', '../sources/writing/host.ts'],
  ['actions/disk', '../../sources/writing/host.ts'],
  ['agent/orders', '../../actions/actions.ts'],
];

/** Modules that answer for the host that the code runs on, whatever host it is asked about. */
const hostModules = ['os', 'net', 'dns', 'dns/promises', 'process'];
const withoutHost = [
  'core',
  'model',
  'identity',
  'probes',
  'inventory',
  'capture',
  'doctor',
  'agent',
  'client',
  'simulation',
  'store',
  'netboot',
  'server',
  'server/http',
  'server/routes',
  'web',
];
const withHost = ['sources', 'transport', 'cli', 'cli/agent'];
forbidden.push(
  ...withoutHost.map((folder) => [folder, 'node:os'] as const),
  ...hostModules.flatMap((name) => [
    ['agent', name] as const,
    ['inventory', `node:${name}`] as const,
  ]),
);
allowed.push(
  ...withHost.flatMap((folder) => hostModules.map((name) => [folder, `node:${name}`] as const)),
);

/** Files that say what they import in another way, and whether they may. */
const otherForms: Readonly<Record<string, readonly [text: string, may: boolean]>> = {
  'doctor/late.ts': ["export const dns = async () => await import('node:dns/promises');\n", false],
  'agent/again.ts': ["export { networkInterfaces } from 'node:os';\n", false],
  'server/http/mixed.ts': [
    "import { type Socket, connect } from 'node:net';\nexport { connect };\nexport type S = Socket;\n",
    false,
  ],
  'server/http/types.ts': [
    "import type { Socket } from 'node:net';\nexport type S = Socket;\n",
    true,
  ],
  'core/clock.ts': ["import { hrtime } from 'node:process';\nexport { hrtime };\n", true],
  'core/other.ts': ["import { hrtime } from 'node:process';\nexport { hrtime };\n", false],
};

interface Diagnostic {
  code: string;
  filename: string;
}

describe('the linter', () => {
  let directory: string;
  let diagnostics: Diagnostic[];
  const planted = (folder: string, imported: string): string =>
    join('src', folder, `${imported.replaceAll(/[^a-z]/g, '-')}.ts`);
  const complaints = (folder: string, imported: string): string[] =>
    diagnostics.filter((d) => d.filename === planted(folder, imported)).map((d) => d.code);

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'import-directions-'));
    cpSync(join(repository, 'oxlint.config.ts'), join(directory, 'oxlint.config.ts'));
    symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
    for (const [folder, imported] of [...forbidden, ...allowed]) {
      mkdirSync(join(directory, 'src', folder), { recursive: true });
      writeFileSync(
        join(directory, planted(folder, imported)),
        `import * as other from '${imported}';\nexport const used = other;\n`,
      );
    }
    for (const [file, [text]] of Object.entries(otherForms)) {
      writeFileSync(join(directory, 'src', file), text);
    }
    writeFileSync(join(directory, 'src/agent/env.ts'), 'export const home = process.env;\n');
    diagnostics = lint(directory);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it.each(forbidden)('refuses that src/%s imports %s', (folder, imported) => {
    expect(complaints(folder, imported)).toContain('eslint(no-restricted-imports)');
  });

  it.each(allowed)('lets src/%s import %s', (folder, imported) => {
    expect(complaints(folder, imported)).toEqual([]);
  });

  it.each(Object.entries(otherForms))('judges src/%s by what it says', (file, [, may]) => {
    const codes = diagnostics.filter((d) => d.filename === join('src', file)).map((d) => d.code);
    expect(codes).toEqual(may ? [] : ['eslint(no-restricted-imports)']);
  });

  it('refuses the process outside of the command line', () => {
    const codes = diagnostics.filter((d) => d.filename === 'src/agent/env.ts').map((d) => d.code);
    expect(codes).toEqual(['eslint(no-restricted-globals)']);
  });
});

function lint(directory: string): Diagnostic[] {
  const oxlint = join(repository, 'node_modules/.bin/oxlint');
  let output: string;
  try {
    output = execFileSync(oxlint, ['--format', 'json', 'src'], {
      cwd: directory,
      encoding: 'utf8',
    });
  } catch (err) {
    // oxlint ends with 1 when it found something; its report is on stdout all the same.
    output = (err as { stdout: string }).stdout;
  }
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}
