import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { runCommand } from '../../src/sources/command.ts';
import { isRunning } from '../processes.ts';

const options = { timeoutMs: 10_000, clock: systemClock };

describe('running a command', () => {
  it('gives what it printed', async () => {
    expect(await runCommand('printf', ['%s', 'a b'], options)).toBe('a b');
  });

  it('gives undefined when there is no such command', async () => {
    expect(await runCommand('no-such-command-here', [], options)).toBeUndefined();
  });

  it('leaves it nothing to read', async () => {
    expect(await runCommand('cat', [], options)).toBe('');
  });

  it('fails with the first line of its complaint', async () => {
    await expect(
      runCommand('sh', ['-c', 'echo "not as root" >&2; exit 3'], options),
    ).rejects.toMatchObject({ code: 'exec.failed', cause: { message: 'not as root' } });
  });

  it('kills it, and what it started, when it takes too long', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dragonfly-command-'));
    try {
      const pid = join(directory, 'pid');
      const script = `trap "" TERM; sh -c 'echo $$ > ${pid}; exec sleep 1000'`;
      await expect(
        runCommand('sh', ['-c', script], { ...options, timeoutMs: 500 }),
      ).rejects.toMatchObject({ code: 'read.timeout' });
      const grandchild = Number(readFileSync(pid, 'utf8'));
      await expect.poll(() => isRunning(grandchild)).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('gives up on a pipe that a daemon it left behind keeps open', async () => {
    const result = runCommand('sh', ['-c', 'sleep 1000 & echo done'], {
      ...options,
      timeoutMs: 500,
    });
    await expect(result).rejects.toMatchObject({ code: 'read.timeout' });
  });

  it('kills it when it prints without end', async () => {
    await expect(runCommand('yes', [], options)).rejects.toMatchObject({ code: 'read.too-large' });
  });
});
