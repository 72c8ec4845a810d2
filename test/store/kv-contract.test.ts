// The contract finds what is wrong with a Kv: one that is sound passes, each that is not fails.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { KvUnderTest } from '../../src/store/kv-contract/steps.ts';
import { testKv } from '../../src/store/kv-contract/suite.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation, KvRead } from '../../src/store/kv/kv.ts';
import { Watchers } from '../../src/store/kv/watchers.ts';
import { MemoryKv } from '../../src/store/memory.ts';

/** The names of the contract's tests that fail. */
async function failures(backend: Omit<KvUnderTest<Kv>, 'name'>): Promise<string[]> {
  const failed: string[] = [];
  const running: Promise<void>[] = [];
  const runTest = (name: string, body: () => Promise<void>): void => {
    running.push(body().catch(() => void failed.push(name)));
  };
  testKv({ name: 'trial', ...backend }, { describe: (_, body) => body(), it: runTest });
  await Promise.all(running);
  return failed;
}

/** A sound Kv whose operations can be replaced. */
class Fragile implements Kv {
  protected readonly sound = new MemoryKv();

  read(reads: readonly KvRead[]) {
    return this.sound.read(reads);
  }
  commit(expectations: readonly KvExpectation[], operations: readonly KvOperation[]) {
    return this.sound.commit(expectations, operations);
  }
  scan(prefix: string): AsyncIterable<readonly KvEntry[]> {
    return this.scanAll([prefix]);
  }
  scanAll(...args: Parameters<MemoryKv['scanAll']>): AsyncIterable<readonly KvEntry[]> {
    return this.sound.scanAll(...args);
  }
  watch(...args: Parameters<Kv['watch']>) {
    return this.sound.watch(...args);
  }
  close() {
    return this.sound.close();
  }
}

const broken: Readonly<Record<string, new () => Kv>> = {
  'takes no notice of expectations': class extends Fragile {
    override commit(_: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return super.commit([], operations);
    }
  },
  'takes no notice of expectations about a prefix': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return super.commit(
        all.filter((e) => 'key' in e),
        operations,
      );
    }
  },
  'looks at the first expectation alone': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return super.commit(all.slice(0, 1), operations);
    }
  },
  'refuses where a prefix has anything at all': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      const strict = all.map((e) => ('key' in e ? e : { ...e, newest: 0 }));
      return super.commit(strict, operations);
    }
  },
  'writes one operation after the other': class extends Fragile {
    override async commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      let revision = 0;
      for (const operation of operations) {
        revision = await super.commit(revision === 0 ? all : [], [operation]);
        await turn();
      }
      return revision;
    }
  },
  'checks first and writes later': class extends Fragile {
    override async commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      const probe = [{ key: 'probe', value: undefined }];
      await super.commit(all, probe);
      await turn();
      return super.commit([], operations);
    }
  },
  'forgets that it refused': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return super.commit(all, operations).catch(() => 1);
    }
  },
  'gives revisions that are not those of its entries': class extends Fragile {
    override async commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return (await super.commit(all, operations)) + 1;
    }
  },
  'reads from several snapshots': class extends Fragile {
    override async read(reads: readonly KvRead[]) {
      const answers: (readonly KvEntry[])[] = [];
      for (const read of reads) {
        answers.push(...(await super.read([read])));
        if (reads.length < 10) await turn();
      }
      return answers;
    }
  },
  'gives the entry after which to go on once more': class extends Fragile {
    override read(reads: readonly KvRead[]) {
      const inclusive = reads.map((r) =>
        'prefix' in r && r.after !== undefined
          ? { ...r, after: `${r.after.slice(0, -1)}\u001f` }
          : r,
      );
      return super.read(inclusive);
    }
  },
  'sorts as a dictionary does': class extends Fragile {
    override async read(reads: readonly KvRead[]) {
      const answers = await super.read(reads);
      return answers.map((entries) => entries.toSorted((a, b) => a.key.localeCompare(b.key)));
    }
  },
  'gives more than it was asked for': class extends Fragile {
    override read(reads: readonly KvRead[]) {
      return super.read(reads.map((r) => ('prefix' in r ? { ...r, limit: r.limit + 1 } : r)));
    }
  },
  'takes a prefix for a folder': class extends Fragile {
    override async read(reads: readonly KvRead[]) {
      const answers = await super.read(reads);
      return answers.map((entries, i) => {
        const read = reads[i];
        if (read === undefined || 'key' in read) return entries;
        return entries.filter(({ key }) => !key.slice(read.prefix.length).includes('/'));
      });
    }
  },
  'ends a text at a zero': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      const cut = operations.map(({ key, value }) => ({ key, value: value?.replace(/\0.*/s, '') }));
      return super.commit(all, cut);
    }
  },
  'cuts keys short': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      const cut = operations.map(({ key, value }) => ({ key: key.slice(0, 255), value }));
      return super.commit(all, cut);
    }
  },
  'scans no more than one piece': class extends Fragile {
    override async *scanAll(...args: Parameters<MemoryKv['scanAll']>) {
      for await (const piece of super.scanAll(...args)) {
        yield piece;
        return;
      }
    }
  },
  'scans each prefix at a moment of its own': class extends Fragile {
    override async *scanAll(...[prefixes, most]: Parameters<MemoryKv['scanAll']>) {
      for (const prefix of prefixes) yield* super.scanAll([prefix], most);
    }
  },
  'tells watchers of what it refused': class extends Fragile {
    readonly #watchers = new Watchers();
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      this.#watchers.announce(operations);
      return super.commit(all, operations);
    }
    override async watch(...args: Parameters<Kv['watch']>) {
      this.#watchers.add(...args);
    }
  },
  'tells watchers of everything, for ever': class extends Fragile {
    override watch(_: string, listener: Parameters<Kv['watch']>[1]) {
      return super.watch('', listener, new AbortController().signal);
    }
  },
  'does not tell of removals': class extends Fragile {
    override watch(prefix: string, listener: Parameters<Kv['watch']>[1], signal: AbortSignal) {
      return super.watch(prefix, (c) => (c?.removed === true ? undefined : listener(c)), signal);
    }
  },
  'does not close': class extends Fragile {
    override async close() {}
  },
  'closes once only': class extends Fragile {
    #isClosed = false;
    override async close() {
      if (this.#isClosed) throw new Error('closed already');
      this.#isClosed = true;
      await super.close();
    }
  },
  'fails with errors of its own': class extends Fragile {
    override commit(all: readonly KvExpectation[], operations: readonly KvOperation[]) {
      return super.commit(all, operations).catch(() => {
        throw new Error('conflict');
      });
    }
  },
};

describe('the contract of a Kv', () => {
  it('is kept by a sound one, its operations one by one or replaced', async () => {
    expect(await failures({ open: async () => new MemoryKv() })).toEqual([]);
    expect(await failures({ open: async () => new Fragile() })).toEqual([]);
  });

  it.each(Object.entries(broken))('is not kept by one that %s', async (_, Broken) => {
    expect(await failures({ open: async () => new Broken() })).not.toEqual([]);
  });

  it('is not kept by one that forgets what it kept', async () => {
    const open = async (): Promise<Kv> => new MemoryKv();
    expect(await failures({ open, reopen: open })).toEqual([
      expect.stringContaining('opened again'),
    ]);
  });
});
