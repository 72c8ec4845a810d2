// The contract of `watch`.
import assert from 'node:assert/strict';
import { systemClock } from '../../core/clock.ts';
import type { Kv, KvChange } from '../kv/kv.ts';
import { put, remove, type KvTest } from './steps.ts';

const longestMs = 20_000;

/** A watcher, and a way to wait until it has heard of a key. */
class Watcher {
  readonly heard: KvChange[] = [];
  readonly #stop = new AbortController();
  #onHeard: () => void = () => {};

  static async on(kv: Kv, prefix: string): Promise<Watcher> {
    const watcher = new Watcher();
    const listener = (change: KvChange | undefined): void => {
      if (change !== undefined) watcher.heard.push(change);
      watcher.#onHeard();
    };
    await kv.watch(prefix, listener, watcher.#stop.signal);
    return watcher;
  }

  /** Errors: throws when it has not heard of it after 20 seconds. */
  async until(key: string): Promise<void> {
    const done = new AbortController();
    const late = systemClock.sleep(longestMs, done.signal).then(() => {
      throw new assert.AssertionError({ message: `a watcher was never told of ${key}` });
    });
    const heard = new Promise<void>((resolve) => {
      this.#onHeard = () => {
        if (this.heard.some((change) => change.key === key)) resolve();
      };
      this.#onHeard();
    });
    try {
      await Promise.race([heard, late]);
    } finally {
      done.abort();
      late.catch(() => {});
    }
  }

  stop(): void {
    this.#stop.abort();
  }
}

export const watching: Readonly<Record<string, KvTest>> = {
  'tells every watcher of each change under its prefix, and of no other': async (kv) => {
    await put(kv, { 't/before': '' });
    const [one, other] = [await Watcher.on(kv, 't/'), await Watcher.on(kv, 't/a/')];
    await put(kv, { 't/b': '1', 'u/1': '1', 't/a/1': '1' });
    await remove(kv, 't/b');
    await put(kv, { 't/a/end': '' });
    for (const watcher of [one, other]) await watcher.until('t/a/end');
    for (const change of [
      { key: 't/b', removed: false },
      { key: 't/b', removed: true },
      { key: 't/a/1', removed: false },
    ]) {
      assert.ok(
        one.heard.some((h) => h.key === change.key && h.removed === change.removed),
        `a watcher was never told of ${JSON.stringify(change)}`,
      );
    }
    const foreign = [
      ...one.heard.filter(({ key }) => !key.startsWith('t/') || key === 't/before'),
      ...other.heard.filter(({ key }) => !key.startsWith('t/a/')),
    ];
    assert.deepEqual(foreign, []);
    for (const watcher of [one, other]) watcher.stop();
  },

  'tells nothing of a commit that was refused': async (kv) => {
    const watcher = await Watcher.on(kv, 't/');
    const refused = kv.commit([{ key: 't/a', revision: 1e9 }], [{ key: 't/a', value: '1' }]);
    await refused.catch(() => {});
    await put(kv, { 't/end': '' });
    await watcher.until('t/end');
    assert.deepEqual(watcher.heard, [{ key: 't/end', removed: false }]);
    watcher.stop();
  },

  'tells nothing more once the signal has aborted': async (kv) => {
    const [gone, stays] = [await Watcher.on(kv, 't/'), await Watcher.on(kv, 't/')];
    await put(kv, { 't/a': '' });
    for (const watcher of [gone, stays]) await watcher.until('t/a');
    gone.stop();
    await put(kv, { 't/b': '' });
    await stays.until('t/b');
    assert.deepEqual(
      gone.heard.map(({ key }) => key),
      ['t/a'],
    );
    stays.stop();
  },
};
