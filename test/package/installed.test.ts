// The package in a project that installed it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { Consumer } from './consumer.ts';
import { examplesOf } from './examples.ts';

describe('a project that installs the package', () => {
  const consumer = new Consumer();
  let isInstalled = false;
  beforeEach((test) => {
    if (!isInstalled) consumer.install(test);
    isInstalled = true;
  }, 120_000);
  afterAll(() => {
    consumer.remove();
  });

  it('keeps its own node in its scripts', () => {
    expect(existsSync(join(consumer.directory, 'node_modules/.bin/node'))).toBe(false);
    const ownNode = consumer.run('sh', ['-c', 'command -v node']);
    // Not `npx -- sh …`: that finds `sh` only where it lies beside npm's own programs.
    expect(consumer.run('npm', ['exec', '--no', '-c', 'command -v node'])).toBe(ownNode);
  });

  it('can use the library and the programs', () => {
    const source = `
      import { createApp, openStore, systemClock } from 'dragonfly-agent';
      const store = await openStore('lmdb:data');
      const app = await createApp({ store, clock: systemClock });
      const page = await app.inject('/');
      const answer = await app.inject({ method: 'POST', url: '/api/agent/checkin', payload: { mac: '02:00:00:00:00:01' } });
      console.log(page.statusCode, answer.json().is_new);
      await app.close();
      await store.close();`;
    const args = ['--input-type=module', '--eval', source];
    expect(consumer.run(process.execPath, args)).toBe('200 true\n');
    for (const name of Object.keys(manifest.bin)) {
      const program = join('node_modules/.bin', name);
      expect(consumer.run(process.execPath, [program, '--version'])).toBe(`${manifest.version}\n`);
    }
  });

  it('can have a store on a Kv of its own, and finds out whether it is one', () => {
    for (const { file, text } of examplesOf('docs/developers/embedding.md'))
      consumer.write(file, text);
    const test = (): string => consumer.run(process.execPath, ['--test', 'map-kv.test.ts']);
    expect(test()).toMatch(/^ℹ pass 26$[^]*^ℹ fail 0$/m);
    const sound = examplesOf('docs/developers/embedding.md').find(
      ({ file }) => file === 'map-kv.ts',
    );
    const broken = sound?.text.replace('revision <= expected.newest', 'true');
    expect(broken).not.toBe(sound?.text);
    consumer.write('map-kv.ts', broken ?? '');
    const report = expect.stringContaining(
      '✖ writes nothing where something newer is under a prefix',
    );
    expect(test).toThrow(expect.objectContaining({ status: 1, stdout: report }));
  });
});
