// The examples of the public entry points and of docs/developers/embedding.md: they compile for somebody who has the
// package installed, and print what they say. Needs dist/, which `npm ci` builds.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkin, startServer } from '../server/harness.ts';
import { examplesOf, exampleSources } from './examples.ts';
import { repository } from './registry.ts';

const examples = exampleSources.flatMap(examplesOf);
// Those of Node's test runner have a report of their own: installed.test.ts runs them.
const programs = examples.filter(({ file }) => !file.endsWith('.test.ts'));

const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

describe('an example', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-examples-'));
  beforeAll(() => {
    mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
    symlinkSync(repository, join(directory, 'node_modules/dragonfly-agent'));
    symlinkSync(
      join(repository, 'node_modules/@types/node'),
      join(directory, 'node_modules/@types/node'),
    );
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    for (const { file, text } of examples) writeFileSync(join(directory, file), text);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('is in every public entry point', () => {
    for (const source of exampleSources) expect(examplesOf(source)).not.toEqual([]);
  });

  it('compiles with the types of the package', { timeout: 120_000 }, () => {
    const tsc = join(repository, 'node_modules/.bin/tsc');
    const compile = () => execFileSync(tsc, ['-p', '.'], { cwd: directory, encoding: 'utf8' });
    expect(compile()).toBe('');
  });

  it.for(programs)('prints what it says: $file', { timeout: 60_000 }, async ({ file, prints }) => {
    const server = await startServer();
    for (const n of [1, 2]) {
      const body = { ...checkin(n), hostname: `node-${n}` };
      await server.call('POST', '/api/agent/checkin', { body });
    }
    const env = {
      ...process.env,
      DRAGONFLY_URL: server.url,
      DRAGONFLY_ROOT: join(repository, 'fixtures/machines/qemu-two-sockets/root'),
    };
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: directory,
      env,
      timeout: 50_000,
    });
    expect(stdout).toBe(prints);
  });
});
