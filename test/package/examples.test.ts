// The examples of the public entry points and of docs/embedding.md: they compile for somebody who has the
// package installed, and print what they say. Needs dist/, which `npm ci` builds.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkin, startServer } from '../server/harness.ts';
import { repository } from './registry.ts';

const sources = ['src/index.ts', 'src/agent/index.ts', 'src/client/index.ts', 'docs/embedding.md'];

interface Example {
  /** "docs/embedding.md, 2" */
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** What it says that it prints. */
  readonly prints: string;
}

/** The blocks of TypeScript in a page, or in a comment. */
function examplesOf(source: string): Example[] {
  const page = readFileSync(join(repository, source), 'utf8').replaceAll(/^ \* ?/gm, '');
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = ''], i) => ({
    name: `${source}, ${i + 1}`,
    file: `${source.replaceAll(/[^a-z]/g, '-')}-${i + 1}.ts`,
    text,
    prints: [...text.matchAll(/\/\/ prints (.*)$/gm)].map(([, line]) => `${line}\n`).join(''),
  }));
}

const examples = sources.flatMap(examplesOf);

const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  noEmit: true,
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
    for (const source of sources) expect(examplesOf(source)).not.toEqual([]);
  });

  it('compiles with the types of the package', { timeout: 120_000 }, () => {
    const tsc = join(repository, 'node_modules/.bin/tsc');
    const compile = () => execFileSync(tsc, ['-p', '.'], { cwd: directory, encoding: 'utf8' });
    expect(compile()).toBe('');
  });

  it.for(examples)('prints what it says: $name', { timeout: 60_000 }, async ({ file, prints }) => {
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
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: directory, env });
    expect(stdout).toBe(prints);
  });
});
