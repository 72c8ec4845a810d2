// The modules of Node that the agent's program loads. Needs dist/, which `npm ci` builds.
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** The public modules of Node that a command loads, by `process.moduleLoadList`. */
function loadedBy(...argv: string[]): string[] {
  const program = join(repository, 'dist/bin/agent.js');
  const source = `
    process.argv = [process.execPath, ${JSON.stringify(program)}, ...${JSON.stringify(argv)}];
    process.on('exit', () => console.error(JSON.stringify(process.moduleLoadList)));
    require(${JSON.stringify(program)});`;
  const shell = `"$0" --eval "$1" 2>&1 >/dev/null`;
  const text = execFileSync('sh', ['-c', shell, process.execPath, source], { encoding: 'utf8' });
  const list: string[] = JSON.parse(text);
  return list
    .map((entry) => /^NativeModule ([a-z_/]+)$/.exec(entry)?.[1] ?? '')
    .filter((name) => name !== '' && !name.startsWith('internal/'));
}

it.each([
  ['inventory', '--json', '--root', join(repository, 'fixtures/machines/qemu-two-sockets/root')],
  ['--version'],
  ['--help'],
])('%s loads nothing that it does not use', (...argv) => {
  const loaded = loadedBy(...argv);
  expect(loaded).toContain('util');
  const heavy = /^(worker_threads|crypto|tls|net|https?|stream|dns|zlib)$/;
  expect(loaded.filter((name) => heavy.test(name))).toEqual([]);
});
