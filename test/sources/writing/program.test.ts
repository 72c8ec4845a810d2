import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { filterThrough, runProgram } from '../../../src/sources/writing/program.ts';
import { isRunning } from '../../processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'dragonfly-program-'));
afterAll(() => rmSync(directory, { recursive: true }));

const options = { signal: new AbortController().signal, clock: systemClock };
const sh = (script: string, more = {}) => runProgram('sh', ['-c', script], { ...options, ...more });

describe('running a program', () => {
  it('resolves to its standard output and tells each line of both streams', async () => {
    const lines: string[] = [];
    const onLine = (line: string): void => void lines.push(line);
    expect(await sh('echo a; echo b >&2; printf "50%%\\r100%%"', { onLine })).toBe('a\n50%\r100%');
    expect(lines.toSorted()).toEqual(['100%', '50%', 'a', 'b']);
  });

  it('gives it its input', async () => {
    expect(await runProgram('tr', ['a-z', 'A-Z'], { ...options, input: 'abc' })).toBe('ABC');
  });

  it('fails with the last line and keeps the last twenty', async () => {
    await expect(sh('seq 1 50; exit 3')).rejects.toMatchObject({
      code: 'exec.failed',
      cause: { message: '50' },
      details: { output: Array.from({ length: 20 }, (_, i) => String(31 + i)) },
    });
  });

  it('fails with the last line that does not explain another', async () => {
    await expect(
      sh('echo mount: bad superblock; echo "  dmesg(1) may say more"; exit 32'),
    ).rejects.toMatchObject({ cause: { message: 'mount: bad superblock' } });
    await expect(sh('echo "  no"; exit 1')).rejects.toMatchObject({ cause: { message: '  no' } });
  });

  it('says so when there is no such program', async () => {
    await expect(runProgram('no-such-program', [], options)).rejects.toMatchObject({
      code: 'exec.missing',
      details: { program: 'no-such-program' },
    });
  });

  it('leaves no control characters in a line', async () => {
    const lines: string[] = [];
    await sh(String.raw`printf 'a\033[31mb\n'`, { onLine: (line: string) => lines.push(line) });
    expect(lines).toEqual(['a [31mb']);
  });

  it('tells no password of a URL', async () => {
    const lines: string[] = [];
    const failed = sh('echo I: Retrieving http://ada:s3cret@mirror/debian >&2; exit 1', {
      onLine: (line: string) => lines.push(line),
    });
    const line = 'I: Retrieving http://mirror/debian';
    await expect(failed).rejects.toMatchObject({
      message: `sh -c echo ${line} >&2; exit 1 failed`,
      cause: { message: line },
    });
    expect(lines).toEqual([line]);
  });

  it('tells no part of a password where a line is cut', async () => {
    const lines: string[] = [];
    const onLine = (line: string): void => void lines.push(line);
    const script = `printf '%485s' x; printf ' https://me:secret'; sleep 0.1; echo 'word@host/file'`;
    await sh(script, { onLine });
    expect(lines).toEqual([`${' '.repeat(484)}x https://host/file`.slice(0, 500)]);
  });

  it('ends it, and what it started, when the signal is aborted', async () => {
    const abort = new AbortController();
    const script = `sh -c 'echo $$ > ${directory}/child; echo started; exec sleep 1000' & wait`;
    const run = sh(script, {
      signal: abort.signal,
      onLine: () => abort.abort(new Error('cancelled')),
    });
    await expect(run).rejects.toThrow('cancelled');
    await expect.poll(() => isRunning(pidIn('child'))).toBe(false);
  });

  it('ends one by force that does not end when asked', async () => {
    const abort = new AbortController();
    const clock = new ManualClock(new Date(0));
    const script = `trap '' TERM; echo $$ > ${directory}/stubborn; echo started; while :; do sleep 0.05; done`;
    const run = sh(script, {
      clock,
      signal: abort.signal,
      onLine: () => abort.abort(new Error('cancelled')),
    });
    const ended = run.catch((err: unknown) => err);
    await expect.poll(() => clock.nextDueMs()).toBe(5_000);
    expect(isRunning(pidIn('stubborn'))).toBe(true);
    await clock.advance(5_000);
    expect(await ended).toMatchObject({ message: 'cancelled' });
    expect(isRunning(pidIn('stubborn'))).toBe(false);
  });

  it('takes one for stuck that says nothing for too long, and not one that goes on talking', async () => {
    const clock = new ManualClock(new Date(0));
    let lines = 0;
    const run = sh('echo 1; read go; echo 2; exec sleep 1000', {
      clock,
      silenceMs: 60_000,
      input: 'go\n',
      onLine: () => (lines += 1),
    });
    const ended = run.catch((err: unknown) => err);
    await expect.poll(() => lines).toBe(2);
    await clock.advance(60_000);
    expect(await ended).toMatchObject({
      code: 'exec.failed',
      cause: { message: 'no output within 60 s' },
      details: { output: ['1', '2'] },
    });
  });

  function pidIn(name: string): number {
    return Number(readFileSync(join(directory, name), 'utf8'));
  }
});

describe('a program as a filter', () => {
  async function* parts(...list: (string | Error)[]): AsyncGenerator<Uint8Array> {
    for (const part of list) {
      if (part instanceof Error) throw part;
      yield Buffer.from(part);
    }
  }
  const through = async (input: AsyncIterable<Uint8Array>, script: string): Promise<string> => {
    let text = '';
    for await (const chunk of filterThrough('sh', ['-c', script], input, options)) {
      text += Buffer.from(chunk).toString('utf8');
    }
    return text;
  };

  it('passes on what the program makes of its input', async () => {
    expect(await through(parts('a', 'b', 'c'), 'tr a-z A-Z')).toBe('ABC');
  });

  it('does not take an end for an end when the program failed', async () => {
    await expect(through(parts('a'), 'cat; echo broken >&2; exit 1')).rejects.toMatchObject({
      cause: { message: 'broken' },
    });
  });

  it('fails with the error of its input, which the program never knew', async () => {
    await expect(through(parts('a', new Error('cut')), 'cat')).rejects.toThrow('cut');
  });

  it('ends the program when nobody reads any further', async () => {
    const script = `echo $$ > ${directory}/yes; exec yes`;
    for await (const _ of filterThrough('sh', ['-c', script], parts(), options)) break;
    expect(isRunning(Number(readFileSync(join(directory, 'yes'), 'utf8')))).toBe(false);
  });
});
