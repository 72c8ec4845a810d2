// The Node binary that the executable is made from, after it was made smaller.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinSources, trimBuiltins } from '../../../initramfs/executable/builtins.ts';
import { smallNode } from '../../../initramfs/executable/node-binary.ts';
import { trimIcu } from '../../../initramfs/executable/icu.ts';

const hasStrip = spawnSync('strip', ['--version'], { stdio: 'ignore' }).status === 0;

function evaluate(expression: string): unknown {
  const program = `process.stdout.write(JSON.stringify(${expression}))`;
  return JSON.parse(execFileSync(smallNode('x64'), ['-e', program], { encoding: 'utf8' }));
}

describe.skipIf(!hasStrip || process.arch !== 'x64')('the small Node (needs strip, x64)', () => {
  // The first run in a tree makes it.
  beforeAll(() => void smallNode('x64'), 300_000);

  it('is smaller than 120 MB', () => {
    expect(statSync(smallNode('x64')).size).toBeLessThan(120e6);
  });

  it('still encodes international host names', () => {
    expect(evaluate('new URL("http://müller.example/ä").href')).toBe(
      'http://xn--mller-kva.example/%C3%A4',
    );
  });

  it('still normalises text and knows what a letter is', () => {
    expect(
      evaluate('["é".normalize("NFD").length, /\\p{L}/u.test("ß"), "Ⅷ".normalize("NFKC")]'),
    ).toEqual([2, true, 'VIII']);
  });

  it('still formats times in English and in UTC', () => {
    expect(evaluate('new Date(0).toLocaleString("en-US", { timeZone: "UTC" })')).toBe(
      '1/1/1970, 12:00:00 AM',
    );
  });

  it('still decodes the encodings that firmware uses', () => {
    expect(
      evaluate(
        '[new TextDecoder("latin1").decode(Uint8Array.of(0xe9)), new TextDecoder("utf-16le").decode(Uint8Array.of(0xe9, 0))]',
      ),
    ).toEqual(['é', 'é']);
  });

  it('exports no names to addons', () => {
    const names = readFileSync(smallNode('x64'), 'latin1');
    // Those of C++'s own library stay.
    const has = ['napi_create_object', '_ZSt4cout'].map((name) => names.includes(`${name}\0`));
    expect(has).toEqual([false, true]);
  });

  it('fails by name where the compiler for TypeScript is used, which is left out', () => {
    const program = 'require("node:module").stripTypeScriptTypes("1")';
    const { stderr } = spawnSync(smallNode('x64'), ['-e', program], { encoding: 'utf8' });
    expect(stderr).toMatch(/amaro.*SyntaxError/s);
  });

  it('still makes HTTP requests, workers and random UUIDs', () => {
    const program =
      'new (require("worker_threads").Worker)("", { eval: true }).on("exit", () => ' +
      'require("http").get({ port: 1, host: "127.0.0.1" }).on("error", (e) => ' +
      'console.log(e.code, crypto.randomUUID().length)))';
    const { stdout } = spawnSync(smallNode('x64'), ['-e', program], { encoding: 'utf8' });
    expect(stdout).toBe('ECONNREFUSED 36\n');
  });

  it('falls back to English for a locale that was cut out', () => {
    expect(evaluate('(1234.5).toLocaleString("de-DE")')).toBe('1,234.5');
  });
});

describe('trimming builtins', () => {
  const sources = new Map([
    ['internal/deps/amaro/dist/index', 'a compiler '.repeat(20)],
    ['repl', 'a prompt → '.repeat(20)],
    ['fs', 'files '.repeat(20)],
  ]);
  const binary = Buffer.concat([
    Buffer.from(sources.get('internal/deps/amaro/dist/index') ?? '', 'latin1'),
    Buffer.from(sources.get('fs') ?? '', 'latin1'),
    Buffer.from(sources.get('repl') ?? '', 'utf16le'),
  ]);
  const trimmed = Buffer.from(binary);
  const freed = trimBuiltins(trimmed, sources);

  it('blanks what an agent never loads, in either encoding', () => {
    expect(trimmed.toString('latin1', 0, 220).trim()).toBe('');
    expect(trimmed.toString('utf16le', 340).trim()).toBe('');
    expect(freed).toBe(220 + 440);
  });

  it('leaves the rest, and the size, as they were', () => {
    expect(trimmed.toString('latin1', 220, 340)).toBe(sources.get('fs'));
    expect(trimmed.length).toBe(binary.length);
  });

  it('refuses a binary that holds none of them', () => {
    expect(() => trimBuiltins(Buffer.from('nothing'), sources)).toThrow('none of the builtins');
  });

  it('finds the sources of the Node that it runs in', () => {
    expect(builtinSources().get('internal/deps/undici/undici')).toContain('fetch');
  });
});

/** An ICU data package with the given items, 16 bytes of data each. */
function icuPackage(names: readonly string[]): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(32, 0);
  header.set([0xda, 0x27], 2);
  header.write('CmnD', 12);
  const table = Buffer.alloc(4 + 8 * names.length);
  const texts = Buffer.from(names.map((name) => `icudt78l/${name}\0`).join(''));
  table.writeUInt32LE(names.length, 0);
  let text = table.length;
  for (const [i, name] of names.entries()) {
    table.writeUInt32LE(text, 4 + 8 * i);
    table.writeUInt32LE(table.length + texts.length + 16 * i, 8 + 8 * i);
    text += Buffer.byteLength(`icudt78l/${name}\0`);
  }
  return Buffer.concat([header, table, texts, Buffer.alloc(16 * names.length, 0x55)]);
}

describe('trimming ICU data', () => {
  it('keeps English, empties German and takes it out of the table', () => {
    const binary = icuPackage(['de.res', 'en.res', 'root.res', 'zu.res']);
    expect(trimIcu(binary)).toBe(16);
    expect(binary.readUInt32LE(32)).toBe(3);
    expect(binary.subarray(-64, -48).every((byte) => byte === 0)).toBe(true);
    expect(binary.subarray(-48).every((byte) => byte === 0x55)).toBe(true);
  });

  it('refuses a binary without an ICU package', () => {
    expect(() => trimIcu(Buffer.from('no CmnD here'))).toThrow('no ICU data package');
  });

  it('refuses a package whose table is not sorted', () => {
    const binary = icuPackage(['de.res', 'en.res']);
    binary.writeUInt32LE(0, 32 + 4 + 8 + 4);
    expect(() => trimIcu(binary)).toThrow('not sorted');
  });
});
