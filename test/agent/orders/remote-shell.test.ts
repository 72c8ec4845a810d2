import { describe, expect, it } from 'vitest';
import { RemoteShell, type RemoteShellOptions } from '../../../src/agent/orders/remote-shell.ts';
import { silentLog } from '../../../src/core/log.ts';
import type { Problem } from '../../../src/model/problem.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';

const shown = { host_key: 'ssh-ed25519 host', port: 22 };
const opened = { '/run/dragonfly/ssh/pid': '1\n' };

/** A shell that notes what is done, and the problems that it tells. */
function shell(more: Partial<RemoteShellOptions> = {}, files: Record<string, string> = {}) {
  const done: string[] = [];
  const problems: Problem[] = [];
  const one = new RemoteShell({
    root: MemoryRoot.of(files),
    log: silentLog,
    refusal: async () => undefined,
    open: async (keys) => {
      done.push(`open ${keys.join()}`);
      return shown;
    },
    shut: async () => void done.push('shut'),
    ...more,
  });
  const want = async (...keys: string[]): Promise<void> => {
    one.want(keys, (problem) => problems.push(problem));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  };
  return { shell: one, done, problems, want };
}

describe('RemoteShell', () => {
  it('opens for keys once, again for others, and shuts without any', async () => {
    const { shell: one, done, want } = shell({}, opened);
    await want('a');
    await want('a');
    expect([done, one.shown]).toEqual([['open a'], shown]);
    await want('a', 'b');
    await want();
    expect([done, one.shown]).toEqual([['open a', 'open a,b', 'shut'], undefined]);
  });

  it('does nothing where none was ever opened, and shuts one that a former process left open', async () => {
    const never = shell();
    await never.want();
    const left = shell({}, opened);
    await left.want();
    await left.want();
    expect([never.done, left.done]).toEqual([[], ['shut']]);
  });

  it('opens nothing where it may not, and says so once', async () => {
    const {
      shell: one,
      done,
      problems,
      want,
    } = shell({
      refusal: async () => 'this is an installed system',
    });
    await want('a');
    await want('a');
    expect([done, one.shown]).toEqual([[], undefined]);
    expect(problems).toMatchObject([{ code: 'action.refused', source: 'remote shell' }]);
  });

  it('tries again at the next answer what failed, and tells it once', async () => {
    let failures = 2;
    const {
      shell: one,
      problems,
      want,
    } = shell({
      open: async () => {
        if ((failures -= 1) >= 0) throw new Error('no tools');
        return shown;
      },
    });
    await want('a');
    await want('a');
    expect([one.shown, problems.length]).toEqual([undefined, 1]);
    await want('a');
    expect(one.shown).toEqual(shown);
  });

  it('shuts what failed to open, and opens to the keys before it anew', async () => {
    const done: string[] = [];
    const { shell: one, want } = shell(
      {
        open: async (keys) => {
          done.push(`open ${keys.join()}`);
          if (keys.includes('bad')) throw new Error('no host key');
          return shown;
        },
        shut: async () => void done.push('shut'),
      },
      opened,
    );
    await want();
    await want('bad');
    await want();
    expect(done.splice(0)).toEqual(['shut', 'open bad', 'shut']);
    await want('a');
    await want('bad');
    await want('a');
    expect([done, one.shown]).toEqual([['open a', 'open bad', 'open a'], shown]);
  });

  it('says that it cannot be shut, and tries again', async () => {
    let failures = 1;
    const shut = async (): Promise<void> => {
      if ((failures -= 1) >= 0) throw new Error('no memory');
    };
    const { problems, want } = shell({ shut }, opened);
    await want();
    expect(problems[0]?.message).toBe('cannot shut the remote shell: no memory');
    await want();
    expect([failures, problems.length]).toEqual([-1, 1]);
  });

  it('follows what is wanted meanwhile, one change at a time', async () => {
    const under = Promise.withResolvers<void>();
    const done: string[] = [];
    const { shell: one, want } = shell(
      {
        open: async (keys) => {
          await under.promise;
          done.push(`open ${keys.join()}`);
          return shown;
        },
        shut: async () => void done.push('shut'),
      },
      opened,
    );
    await want('a');
    await want('b');
    await want();
    under.resolve();
    await expect.poll(() => done).toEqual(['open a', 'shut']);
    expect(one.shown).toBeUndefined();
  });
});
