import { describe, expect, it } from 'vitest';
import { watch, type Watch } from '../../../initramfs/machine/watch.ts';

const never = new Promise<never>(() => {});

function watching(changes: Partial<Watch>): { done: Promise<void>; told: string[] } {
  const told: string[] = [];
  const vm = { console: 'one\ntwo\n', lastLine: 'two', ended: never };
  const done = watch(
    {
      vm,
      work: never,
      until: 'checked in',
      limit: 0.02,
      signal: new AbortController().signal,
      tell: (text) => told.push(text),
      ...changes,
    },
    () => 5000,
  );
  return { done, told };
}

describe('a machine under watch', () => {
  it('is given up after the limit, with its last line told once and what to do next', async () => {
    const { done, told } = watching({});
    await expect(done).rejects.toMatchObject({
      code: 'wait.timeout',
      message: expect.stringMatching(
        /has not checked in within 0.02 s; run it again with --console[^]*one\ntwo/,
      ),
    });
    expect(told).toEqual(['console: two']);
  });

  it('is done with its work', async () => {
    await expect(watching({ work: Promise.resolve() }).done).resolves.toBeUndefined();
  });

  it('fails with its work, with its own end, and with Ctrl-C', async () => {
    const work = Promise.reject(new Error('no'));
    await expect(watching({ work }).done).rejects.toThrow('no');
    const vm = { console: 'panic', lastLine: 'panic', ended: Promise.resolve() };
    await expect(watching({ vm }).done).rejects.toThrow(
      'the machine ended before it had checked in; the end of its console:\npanic',
    );
    const signal = AbortSignal.abort(new Error('stopped by SIGINT'));
    await expect(watching({ signal }).done).rejects.toThrow('stopped by SIGINT');
  });
});
